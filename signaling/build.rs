//! The page is embedded into the binary, so it has to be there.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let dist = Path::new("../web-viewer/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    if dist.join("index.html").is_file() {
        return ExitCode::SUCCESS;
    }
    println!("cargo::error=the viewer's page is missing (web-viewer/dist/index.html): run `make page` and build again");
    ExitCode::FAILURE
}
