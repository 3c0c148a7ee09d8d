//! Looks for nasm, without which openh264 is built from C alone: pictures then cost more than twice the processor time,
//! and nothing else would say so.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=PATH");
    println!("cargo:rerun-if-env-changed=OPENH264_NO_ASM");
    println!("cargo:rustc-check-cfg=cfg(h264_without_nasm)");
    let needs_nasm = matches!(std::env::var("CARGO_CFG_TARGET_ARCH").as_deref(), Ok("x86_64" | "x86"));
    if !needs_nasm {
        // Other processors' code goes through the C compiler's own assembler.
        return;
    }
    let switched_off = std::env::var_os("OPENH264_NO_ASM").is_some();
    if switched_off || !found("nasm") {
        println!("cargo:rustc-cfg=h264_without_nasm");
        println!("cargo:warning=nasm was not found: the H.264 encoder will use more than twice the processor time.");
        println!("cargo:warning=Install it (Debian, Ubuntu: apt install nasm), then run: cargo clean -p openh264-sys2");
    }
}

fn found(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = [PathBuf::from(program), PathBuf::from(program).with_extension("exe")];
    std::env::split_paths(&path).any(|folder| names.iter().any(|name| folder.join(name).is_file()))
}
