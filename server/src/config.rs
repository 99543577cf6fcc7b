//! Settings held against each other and against the machine: what `serve` really runs with.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use drift_store::secretbox::InstallationKey;
use secrecy::{ExposeSecret, SecretString};

use crate::settings::{DatabaseSettings, KeySettings};

/// A setting that cannot be used: its name, what is wrong, and what to do. The process ends with exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{setting}: {problem}.")]
pub(crate) struct Refused {
    setting: &'static str,
    problem: String,
}

impl Refused {
    pub(crate) fn new(setting: &'static str, problem: impl Into<String>) -> Self {
        Self { setting, problem: problem.into() }
    }
}

/// The folder for what this installation keeps on disk, made when it is missing.
///
/// # Errors
/// It cannot be made, or nothing says where the person's files are.
pub(crate) fn data_dir(settings: &DatabaseSettings, name: &str) -> Result<PathBuf, Refused> {
    let folder = match &settings.data_dir {
        Some(folder) => std::path::absolute(folder).unwrap_or_else(|_| folder.clone()),
        None => default_data_dir()?.join(name),
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| Refused::new("--data-dir", format!("{} cannot be made: {error}", folder.display())))?;
    Ok(folder)
}

/// For root a folder of the system: Postgres runs as another user then, which may not enter root's home.
#[expect(clippy::disallowed_methods, reason = "the server reads the environment")]
fn default_data_dir() -> Result<PathBuf, Refused> {
    if rustix::process::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/workflowops"));
    }
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("workflowops"))
        .ok_or_else(|| Refused::new("--data-dir", "neither HOME nor XDG_DATA_HOME says where; name a folder"))
}

/// The installation's key: as given, else from the data folder, where it is made at the first start.
///
/// # Errors
/// A key that is none, or a file that cannot be read or made. The key itself is not repeated.
pub(crate) fn secret_key(settings: &KeySettings, data_dir: &Path) -> Result<InstallationKey, Refused> {
    given_key(settings)?.map_or_else(|| kept_key(data_dir), Ok)
}

/// The key of an installation that is there already: as given, else from the data folder. None is made: it would open
/// nothing.
///
/// # Errors
/// There is none, or it cannot be read. The key itself is not repeated.
pub(crate) fn existing_key(settings: &KeySettings, data_dir: &Path) -> Result<InstallationKey, Refused> {
    match given_key(settings)? {
        Some(key) => Ok(key),
        None => read("--secret-key", &key_file(data_dir)),
    }
}

fn given_key(settings: &KeySettings) -> Result<Option<InstallationKey>, Refused> {
    match (&settings.secret_key, &settings.secret_key_file) {
        (Some(key), _) => decode("--secret-key", key).map(Some),
        (None, Some(file)) => read("--secret-key-file", file).map(Some),
        (None, None) => Ok(None),
    }
}

fn key_file(data_dir: &Path) -> PathBuf {
    data_dir.join("secret.key")
}

/// The key in the data folder, made when there is none.
pub(crate) fn kept_key(data_dir: &Path) -> Result<InstallationKey, Refused> {
    let file = key_file(data_dir);
    match make(&file) {
        Ok(key) => {
            tracing::info!(file = %file.display(), "made the key that seals stored secrets: back it up");
            Ok(key)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read("--data-dir", &file),
        Err(error) => Err(Refused::new("--data-dir", format!("{} cannot be written: {error}", file.display()))),
    }
}

/// Makes a key and its file, for this user's eyes alone. The file appears whole or not at all.
fn make(file: &Path) -> std::io::Result<InstallationKey> {
    if file.exists() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    let bytes: [u8; 32] = rand::random();
    let key = InstallationKey::from_hex(&hex(&bytes)).ok_or(std::io::ErrorKind::InvalidData)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().prefix(".secret").tempfile_in(folder)?;
    writeln!(draft, "{}", STANDARD.encode(bytes))?;
    draft.as_file().sync_all()?;
    draft.persist_noclobber(file).map_err(|error| error.error)?;
    Ok(key)
}

fn read(setting: &'static str, file: &Path) -> Result<InstallationKey, Refused> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Refused::new(setting, format!("{} cannot be read: {error}", file.display())))?;
    decode(setting, &SecretString::from(text.trim()))
        .map_err(|refused| Refused::new(setting, format!("{}: {}", file.display(), refused.problem)))
}

fn decode(setting: &'static str, key: &SecretString) -> Result<InstallationKey, Refused> {
    let text = key.expose_secret().trim();
    let decoded = STANDARD.decode(text).ok().map(|bytes| hex(&bytes));
    InstallationKey::from_hex(text).or_else(|| InstallationKey::from_hex(&decoded?)).ok_or_else(|| {
        Refused::new(setting, "this is not a key: 32 bytes in base64 (`openssl rand -base64 32` makes one)")
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        kept_key(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join("secret.key")).unwrap();
        kept_key(folder.path()).unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("secret.key")).unwrap(), text);
        let mode = std::fs::metadata(folder.path().join("secret.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_wrong_key_is_refused_by_name_and_not_repeated() {
        let said = decode("--secret-key", &"hunter2hunter2".into()).unwrap_err().to_string();
        assert!(said.starts_with("--secret-key: ") && said.contains("openssl rand"), "{said}");
        assert!(!said.contains("hunter2"));

        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret.key"), "short").unwrap();
        let said = kept_key(folder.path()).unwrap_err().to_string();
        assert!(said.contains("secret.key: this is not a key"), "{said}");
    }
}
