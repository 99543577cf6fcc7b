//! Tidy: files that can be read in one sitting, and nothing in them that is true on one machine only.

use crate::tree::{File, files, hold};

/// The longest a file may be.
const LINES: usize = 500;

#[test]
fn files_can_be_read_in_one_sitting() {
    let complaints: Vec<_> = files("")
        .iter()
        .filter(|file| file.is(&[".rs", ".ts", ".css", ".sql", ".md"]) || file.path.starts_with("scripts/"))
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > LINES)
        .map(|(file, lines)| format!("{}: {lines} lines", file.path))
        .collect();
    hold(&format!("A file has at most {LINES} lines."), &complaints);
}

/// Whether real data, or a lock that a tool writes, in which anything may stand.
fn is_data(file: &File) -> bool {
    file.is(&[".json", "Cargo.lock"]) && !file.path.starts_with("package")
}

#[test]
fn nothing_is_true_on_one_machine_only() {
    // Put together here, so that this file does not complain about itself.
    let homes = ["work", "home", "root", "Users"].map(|folder| format!("/{folder}/"));
    let is_allowed = |line: &str| line.contains("https://") || line.contains("http://");
    let complaints: Vec<_> = files("")
        .iter()
        .filter(|file| !is_data(file))
        .flat_map(|file| file.text.lines().enumerate().map(move |(number, line)| (file, number + 1, line)))
        .filter(|(_, _, line)| homes.iter().any(|home| starts_a_path(line, home)) && !is_allowed(line))
        .map(|(file, number, line)| format!("{}:{number}: {}", file.path, line.trim()))
        .collect();
    hold("No absolute path of somebody's machine.", &complaints);
}

/// Whether `home` stands in the line as the beginning of a path, not somewhere inside one.
fn starts_a_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|before| before.is_alphanumeric() || "._-~*}$".contains(before))
    })
}

#[test]
fn no_registry_is_named() {
    let hosts = [["registry.", "npmjs"], ["index.", "crates.io"], ["static.", "crates.io"], ["deb.", "debian.org"]]
        .map(|host| host.concat());
    let complaints: Vec<_> = files("")
        .iter()
        .filter(|file| hosts.iter().any(|host| file.text.contains(host.as_str())))
        .map(|file| file.path.clone())
        .collect();
    hold("No file names a package registry's host: machines have their own.", &complaints);
}

#[test]
fn the_lines_that_start_a_path_are_told_from_those_that_contain_one() {
    let home = format!("/{}/", "work");
    for (line, is_path) in [("see X", true), ("(X)", true), ("\"X\"", true), ("tmpX", false), ("$HOMEX", false)] {
        assert_eq!(starts_a_path(&line.replace('X', &home), &home), is_path, "{line}");
    }
}
