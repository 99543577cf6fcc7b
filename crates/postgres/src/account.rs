//! Which user Postgres runs as, and what that user can reach.

use std::fs::{self, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{During, PostgresError};

/// The user that Postgres runs as.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// Whether this process is root and has to become that user.
    pub switch: bool,
}

impl Account {
    /// This process's own user; for root `postgres`, else `nobody`.
    pub fn choose() -> Result<Self, PostgresError> {
        let uid = rustix::process::geteuid();
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        if uid.is_root() {
            return ["postgres", "nobody"]
                .iter()
                .find_map(|name| users.lines().filter_map(user).find(|user| user.name == *name && user.uid != 0))
                .ok_or(PostgresError::NoUser);
        }
        let uid = uid.as_raw();
        let name = users.lines().filter_map(user).find(|user| user.uid == uid).map(|user| user.name);
        Ok(Self {
            name: name.unwrap_or_else(|| format!("user {uid}")),
            uid,
            gid: rustix::process::getegid().as_raw(),
            switch: false,
        })
    }

    /// A command that runs as this user, in a plain environment, and is sent `signal` when this thread ends.
    pub fn command(&self, signal: &str, program: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", signal, "--"]).arg(program);
        command.env_clear().envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LC_ALL", "C"), ("TZ", "UTC")]);
        // Away from a folder that the user may not read, and out of the terminal's process group.
        command.current_dir("/").process_group(0);
        if self.switch {
            command.uid(self.uid).gid(self.gid);
        }
        command
    }

    /// The first folder on the way to `path` (or `path` itself, if a folder) that this user may not enter.
    pub fn blocked_at(&self, path: &Path) -> Option<PathBuf> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut ways: Vec<&Path> = path.ancestors().collect();
        ways.reverse();
        ways.into_iter()
            .find(|way| fs::metadata(way).is_ok_and(|meta| meta.is_dir() && !self.may(&meta, 0o1)))
            .map(Path::to_owned)
    }

    /// Whether this user may do `bits` (1 enter or execute, 4 read) to what `meta` describes. Groups other than the first
    /// are left behind when root becomes this user, so they do not count.
    pub fn may(&self, meta: &Metadata, bits: u32) -> bool {
        if !self.switch {
            // An ordinary user's folders are its own affair; the system says no by itself where it must.
            return true;
        }
        let shift = match () {
            () if meta.uid() == self.uid => 6,
            () if meta.gid() == self.gid => 3,
            () => 0,
        };
        meta.permissions().mode() >> shift & bits == bits
    }

    /// Makes `path` a folder of this user's own that nobody else may enter. Missing parents are made for everybody to pass
    /// through. An empty folder that root made is taken over; another's is refused, since what is in it is not ours to use.
    pub fn own_folder(&self, path: &Path) -> Result<(), PostgresError> {
        if let Some(parent) = path.parent() {
            self.make_passable(parent)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(PostgresError::io("make", path, error)),
            Ok(()) if self.switch => chown(path, Some(self.uid), Some(self.gid)).during("change the owner of", path)?,
            Ok(()) => {}
        }
        let meta = fs::symlink_metadata(path).during("look at", path)?;
        if !meta.is_dir() {
            let source = std::io::Error::from(std::io::ErrorKind::NotADirectory);
            return Err(PostgresError::io("use", path, source));
        }
        if self.switch && meta.uid() == 0 && fs::read_dir(path).during("read", path)?.next().is_none() {
            chown(path, Some(self.uid), Some(self.gid)).during("change the owner of", path)?;
        } else if meta.uid() != self.uid {
            return Err(PostgresError::ForeignFolder {
                path: path.to_owned(),
                owner: meta.uid(),
                user: self.name.clone(),
            });
        }
        if meta.permissions().mode() & 0o777 != 0o700 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).during("close", path)?;
        }
        if let Some(blocked_at) = self.blocked_at(path) {
            return Err(PostgresError::Unreachable { blocked_at, user: self.name.clone() });
        }
        Ok(())
    }

    /// Makes the missing folders of `path`; as root open for passing through, whatever the umask says.
    fn make_passable(&self, path: &Path) -> Result<(), PostgresError> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.make_passable(parent)?;
        }
        match fs::create_dir(path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(PostgresError::io("make", path, error)),
            Ok(()) if self.switch => fs::set_permissions(path, fs::Permissions::from_mode(0o755)).during("open", path),
            Ok(()) => Ok(()),
        }
    }
}

/// One line of /etc/passwd.
fn user(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next()?.to_owned();
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account { name, uid, gid, switch: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_parent_is_named() {
        let top = tempfile::tempdir().unwrap();
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let closed = top.path().join("closed");
        let inner = closed.join("inner");
        fs::create_dir_all(&inner).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let stranger = Account { name: "stranger".to_owned(), uid: 4_000_001, gid: 4_000_001, switch: true };
        assert_eq!(stranger.blocked_at(&inner), Some(closed.clone()));
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(stranger.blocked_at(&inner), None);
    }

    #[test]
    fn a_line_of_passwd_is_read() {
        let postgres = user("postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash").unwrap();
        assert_eq!((postgres.name.as_str(), postgres.uid, postgres.gid), ("postgres", 101, 104));
        assert!(user("# a comment").is_none());
    }
}
