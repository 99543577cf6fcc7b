//! The pages' files: where cargo-leptos, or whoever installed the binary, put them.

use std::path::{Path, PathBuf};

use leptos::config::LeptosOptions;

use crate::config::Refused;
use crate::settings::SiteSettings;

/// The options that the screens are rendered with.
///
/// # Errors
/// No folder with the pages' files, naming where it was looked for.
pub(crate) fn options(settings: &SiteSettings, listen: std::net::SocketAddr) -> Result<LeptosOptions, Refused> {
    let binary = std::env::current_exe().unwrap_or_default();
    let beside = binary.parent().unwrap_or(Path::new("."));
    let root = root(settings.site_root.as_deref(), beside)?;
    let hashes = hash_file(&root, beside);
    Ok(LeptosOptions::builder()
        .output_name("workflowops")
        .site_root(root.to_string_lossy())
        .site_pkg_dir("pkg")
        .site_addr(listen)
        .hash_files(hashes.is_some())
        .hash_file(hashes.unwrap_or_default().to_string_lossy().into())
        .build())
}

fn root(given: Option<&Path>, beside: &Path) -> Result<PathBuf, Refused> {
    if let Some(given) = given {
        return if given.is_dir() {
            Ok(given.to_owned())
        } else {
            Err(Refused::new("--site-root", format!("{} is no folder", given.display())))
        };
    }
    let places = [beside.join("site"), beside.join("../site")];
    places.iter().find(|place| place.is_dir()).map(|place| place.canonicalize().unwrap_or_else(|_| place.clone())).ok_or_else(|| {
        let looked = places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(" and ");
        Refused::new(
            "--site-root",
            format!("the pages' files are neither at {looked}. Build them with `cargo leptos build`, or say where they are"),
        )
    })
}

/// The file with the hashes that the names of the pages' files carry: beside the files, or beside a binary, where
/// cargo-leptos writes it. The pages may be of another profile than this binary (the wasm of a release beside a server that
/// is debugged), so the file that counts is the one whose style sheet is there.
fn hash_file(root: &Path, beside: &Path) -> Option<PathBuf> {
    let places = [root.to_owned(), beside.to_owned(), beside.join("../release"), beside.join("../debug")];
    places.into_iter().map(|place| place.join("hash.txt")).find(|file| names_what_is_there(file, root))
}

fn names_what_is_there(hashes: &Path, root: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(hashes) else { return false };
    let css = text.lines().find_map(|line| line.strip_prefix("css:"));
    css.is_some_and(|hash| root.join(format!("pkg/workflowops.{}.css", hash.trim())).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_found_beside_the_binary_or_beside_its_folder_as_after_a_build() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(target.join("release")).unwrap();
        let missing = root(None, &target.join("release")).unwrap_err().to_string();
        assert!(missing.contains("--site-root") && missing.contains("cargo leptos build"), "{missing}");

        std::fs::create_dir_all(target.join("site")).unwrap();
        assert_eq!(root(None, &target.join("release")).unwrap(), target.join("site"));
        std::fs::create_dir_all(target.join("release/site")).unwrap();
        assert_eq!(root(None, &target.join("release")).unwrap(), target.join("release/site"));
        assert!(root(Some(&target.join("nowhere")), &target).unwrap_err().to_string().contains("nowhere"));
    }

    #[test]
    fn the_hashes_are_those_of_the_files_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path();
        for made in ["site/pkg", "debug", "release"] {
            std::fs::create_dir_all(target.join(made)).unwrap();
        }
        std::fs::write(target.join("debug/hash.txt"), "js: a1\nwasm: b1\ncss: c1\n").unwrap();
        std::fs::write(target.join("release/hash.txt"), "js: a2\nwasm: b2\ncss: c2\n").unwrap();
        let (site, debug) = (target.join("site"), target.join("debug"));
        assert_eq!(hash_file(&site, &debug), None, "nothing was built");
        std::fs::write(site.join("pkg/workflowops.c2.css"), "").unwrap();
        let found = hash_file(&site, &debug).expect("the pages of the release are there");
        assert_eq!(std::fs::read_to_string(found).unwrap().lines().last(), Some("css: c2"));
    }
}
