//! Git's own checksum of a file: proof that an answer is whole and is what was asked for.

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Whether `sha` is the SHA of a blob with this content, in a repository of either hash.
pub(crate) fn is_blob(sha: &str, content: &[u8]) -> bool {
    match sha.len() {
        40 => digest::<Sha1>(content) == sha,
        64 => digest::<Sha256>(content) == sha,
        _ => false,
    }
}

fn digest<D: Digest>(content: &[u8]) -> String {
    let header = format!("blob {}\0", content.len());
    let digest = D::new().chain_update(header).chain_update(content).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::is_blob;

    #[test]
    fn as_git_hash_object_says() {
        // printf 'hello\n' | git hash-object --stdin, and the same in a repository of --object-format=sha256
        assert!(is_blob("ce013625030ba8dba906f756967f9e9ca394464a", b"hello\n"));
        assert!(is_blob("2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4", b"hello\n"));
        assert!(!is_blob("ce013625030ba8dba906f756967f9e9ca394464a", b"hello"));
    }
}
