//! C and C++: the project's sources and the SDK's, compiled together into a core module by whichever compiler for WASI
//! there is.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::cmake::CMake;
use super::error::BuildError;
use super::program::Program;
use super::{Made, Sources};

const COMPILER: &str = "A C compiler for WebAssembly";
const REMEDY: &str = "Install Zig, which is one: python3 -m pip install ziglang";
const CPP: [&str; 3] = ["cc", "cpp", "cxx"];

pub(super) fn build(directory: &Path, quick: bool) -> Result<Sources, BuildError> {
    let CMake { name, version, sdk } = CMake::read(&directory.join("CMakeLists.txt"))?;
    let compiler = Compiler::find()?;
    let mut sources = sources(directory, Path::new("src"))?;
    let is_cpp = sources.iter().any(|source| has_extension(source, &CPP));
    sources.extend(self::sources(directory, &sdk.join("src"))?);
    let module = PathBuf::from(format!("build/{name}.core.wasm"));
    let made = directory.join(&module);
    fs::create_dir_all(directory.join("build")).map_err(|error| BuildError::file(&made, &error))?;
    let version = version.as_deref().unwrap_or("0.0.0");
    compiler
        .program(is_cpp)
        .within(directory)
        .arguments(["-mexec-model=reactor", if quick { "-O1" } else { "-Oz" }, "-Wl,--gc-sections", "-Wl,--strip-all"])
        .arguments([format!("-DLEVERET_PLUGIN_VERSION=\"{version}\"")])
        .arguments([Path::new("-I"), &sdk.join("include"), Path::new("-o"), &module])
        .arguments(sources)
        .run()?;
    Ok(Sources { name, made: Made::CoreModule(made) })
}

/// Every C and C++ file of a folder of the project, and below, relative to the project.
fn sources(directory: &Path, folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let unreadable = |error: std::io::Error| BuildError::file(&directory.join(folder), &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(directory.join(folder)).map_err(unreadable)? {
        let path = folder.join(entry.map_err(unreadable)?.file_name());
        if directory.join(&path).is_dir() {
            found.extend(sources(directory, &path)?);
        } else if has_extension(&path, &["c"]) || has_extension(&path, &CPP) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    path.extension().is_some_and(|extension| extensions.iter().any(|known| extension == *known))
}

/// A compiler for WASI, with the libraries that it needs.
enum Compiler {
    /// The folder of its programs.
    WasiSdk(PathBuf),
    Zig,
    /// Zig as Python's package manager installs it.
    Ziglang,
    /// Its C library is where it looks for it.
    Clang,
}

impl Compiler {
    const TARGET: &str = "--target=wasm32-wasi";

    fn find() -> Result<Self, BuildError> {
        let works = |program: &str, words: &[&str]| Program::new(program, COMPILER, REMEDY).arguments(words).works();
        if let Some(sdk) = env::var_os("WASI_SDK_PATH") {
            return Ok(Self::WasiSdk(PathBuf::from(sdk).join("bin")));
        }
        if works("zig", &["version"]) {
            return Ok(Self::Zig);
        }
        if works("python3", &["-m", "ziglang", "version"]) {
            return Ok(Self::Ziglang);
        }
        // It is there on many machines, but seldom with the libraries for this target.
        let libc =
            ["-mexec-model=reactor", Self::TARGET, "-include", "stdlib.h", "-x", "c", "/dev/null", "-o", "/dev/null"];
        if works("clang", &libc) {
            return Ok(Self::Clang);
        }
        Err(BuildError::Missing { what: COMPILER.into(), remedy: REMEDY.into() })
    }

    fn program(&self, is_cpp: bool) -> Program {
        let new = |program: PathBuf| Program::new(program, COMPILER, REMEDY);
        let word = if is_cpp { "c++" } else { "cc" };
        let clang = if is_cpp { "clang++" } else { "clang" };
        match self {
            Self::WasiSdk(programs) => new(programs.join(clang)).arguments([Self::TARGET]),
            Self::Zig => new("zig".into()).arguments([word, Self::TARGET]),
            Self::Ziglang => new("python3".into()).arguments(["-m", "ziglang", word, Self::TARGET]),
            Self::Clang => new(clang.into()).arguments([Self::TARGET]),
        }
    }
}
