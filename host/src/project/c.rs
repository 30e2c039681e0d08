//! C and C++: the project's sources and the SDK's, compiled together into a core module by whichever compiler for WASI
//! there is.

use std::path::{Path, PathBuf};
use std::{env, fs};

use super::cmake::CMake;
use super::error::BuildError;
use super::program::Program;
use super::{Made, Sources};

const COMPILER: &str = "A C compiler for WebAssembly";
const REMEDY: &str = "Install Zig, which is one: https://ziglang.org/download, or python3 -m pip install ziglang";
/// What the SDK's folder is known by.
const HEADER: &str = "include/leveret/plugin.h";
/// Deep enough for JSON of many levels; the compiler's own default is 64 KiB.
const STACK: &str = "-Wl,-z,stack-size=1048576";

pub(super) fn build(directory: &Path, quick: bool) -> Result<Sources, BuildError> {
    let manifest = directory.join("CMakeLists.txt");
    let CMake { name, version, subdirectories } = CMake::read(&manifest)?;
    let sdk = subdirectories.into_iter().find(|folder| directory.join(folder).join(HEADER).is_file());
    let no_sdk = || BuildError::manifest(&manifest, "it has no `add_subdirectory(sdk)` with Leveret's SDK");
    let sdk = sdk.ok_or_else(no_sdk)?;
    let build = Build {
        directory,
        compiler: Compiler::find()?,
        flags: vec![
            if quick { "-O1".into() } else { "-O2".into() },
            // What an assertion says is the reason of the failure; Zig would leave assertions out.
            "-UNDEBUG".into(),
            format!("-I{}", sdk.join("include").display()),
            format!("-I{}", sdk.join("yyjson").display()),
            format!("-DLEVERET_PROJECT_VERSION=\"{}\"", version.as_deref().unwrap_or("0.0.0")),
        ],
    };
    let module =
        build.module(&name, &[sources(directory, "src".into())?, sources(directory, sdk.join("src"))?].concat())?;
    Ok(Sources { name, made: Made::CoreModule(module) })
}

/// One build.
struct Build<'a> {
    directory: &'a Path,
    compiler: Compiler,
    flags: Vec<String>,
}

impl Build<'_> {
    /// Compiles each source by itself, so that the linker can leave out what nobody uses, and links them.
    fn module(&self, name: &str, sources: &[Source]) -> Result<PathBuf, BuildError> {
        let objects = PathBuf::from("build/objects");
        let made = self.directory.join(&objects);
        fs::create_dir_all(&made).map_err(|error| BuildError::file(&made, &error))?;
        let mut linked = Vec::new();
        for (number, source) in sources.iter().enumerate() {
            let object = objects.join(format!("{number}.o"));
            self.compile(source, &object)?;
            linked.push(object);
        }
        let language = if sources.iter().any(|source| source.is_cpp) { Driver::Cpp } else { Driver::C };
        let module = objects.join(format!("{name}.core.wasm"));
        self.compiler
            .program(language)
            .within(self.directory)
            .arguments(["-mexec-model=reactor", "-s", "-Wl,--gc-sections", STACK, "-o"])
            .arguments([&module])
            .arguments(linked)
            .run()?;
        Ok(self.directory.join(module))
    }

    fn compile(&self, Source { path, is_cpp }: &Source, object: &Path) -> Result<(), BuildError> {
        // Nothing catches an exception in WebAssembly yet, with any of these compilers.
        const CPP: [&str; 3] = ["-std=gnu++20", "-fno-exceptions", "-fno-rtti"];
        let program = self.compiler.program(if *is_cpp { Driver::Cpp } else { Driver::C }).within(self.directory);
        let program = if *is_cpp { program.arguments(CPP) } else { program };
        program.arguments(&self.flags).arguments([Path::new("-c"), path, Path::new("-o"), object]).run()
    }
}

/// A file to compile, relative to the project.
#[derive(Debug, Clone)]
struct Source {
    path: PathBuf,
    is_cpp: bool,
}

/// Every C and C++ file right in a folder of the project.
fn sources(directory: &Path, folder: PathBuf) -> Result<Vec<Source>, BuildError> {
    let place = directory.join(&folder);
    let entries = fs::read_dir(&place).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut names: Vec<_> = entries.map_err(|error| BuildError::file(&place, &error))?;
    names.sort_by_key(fs::DirEntry::file_name);
    let source = |entry: fs::DirEntry| {
        let path = folder.join(entry.file_name());
        match path.extension()?.to_str()? {
            "c" => Some(Source { path, is_cpp: false }),
            "cc" | "cpp" | "cxx" => Some(Source { path, is_cpp: true }),
            _ => None,
        }
    };
    Ok(names.into_iter().filter_map(source).collect())
}

#[derive(Debug, Clone, Copy)]
enum Driver {
    C,
    Cpp,
}

/// A compiler for WASI, with the libraries that it needs.
enum Compiler {
    /// The folder of its programs.
    WasiSdk(PathBuf),
    Zig,
    /// Zig as Python's package manager installs it.
    Ziglang,
    /// Its C library is where it looks for it. Debian's programs have their version at the end of their names.
    Clang {
        suffix: String,
    },
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
        let newest_first = (14..=40).rev().map(|version| format!("-{version}"));
        let mut suffixes = std::iter::once(String::new()).chain(newest_first);
        if let Some(suffix) = suffixes.find(|suffix| works(&format!("clang{suffix}"), &libc)) {
            return Ok(Self::Clang { suffix });
        }
        Err(BuildError::Missing { what: COMPILER.into(), remedy: REMEDY.into() })
    }

    fn program(&self, driver: Driver) -> Program {
        let new = |program: PathBuf| Program::new(program, COMPILER, REMEDY);
        let (word, clang) = match driver {
            Driver::C => ("cc", "clang"),
            Driver::Cpp => ("c++", "clang++"),
        };
        match self {
            Self::WasiSdk(programs) => new(programs.join(clang)).arguments([Self::TARGET]),
            Self::Zig => new("zig".into()).arguments([word, Self::TARGET]),
            Self::Ziglang => new("python3".into()).arguments(["-m", "ziglang", word, Self::TARGET]),
            Self::Clang { suffix } => new(format!("{clang}{suffix}").into()).arguments([Self::TARGET]),
        }
    }
}
