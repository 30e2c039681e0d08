//! The binary: see `leveret help`.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    leveret::cli::main()
}
