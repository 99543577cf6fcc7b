//! The migrations are embedded at compile time: a new one makes this crate compile anew.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
