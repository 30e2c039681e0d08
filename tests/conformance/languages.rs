//! The languages that there is an SDK for. `./dev`, which builds the guests, and the suite, which runs them, share this.

/// A language, and where what belongs to it is.
pub struct Language {
    /// What `leveret new --lang` calls it, and the folder of its guest.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The folder of its SDK in `guest-sdk/`.
    pub sdk: &'static str,
    /// What makes a component of its plugins.
    pub toolchain: &'static str,
}

pub const LANGUAGES: [Language; 7] = [
    Language { name: "rust", title: "Rust", sdk: "rust", toolchain: "cargo, target `wasm32-wasip2`" },
    Language { name: "ts", title: "TypeScript", sdk: "js", toolchain: "QuickJS, by componentize-qjs" },
    Language { name: "js", title: "JavaScript", sdk: "js", toolchain: "QuickJS, by componentize-qjs" },
    Language { name: "python", title: "Python", sdk: "python", toolchain: "CPython, by componentize-py" },
    Language { name: "go", title: "Go", sdk: "go", toolchain: "go 1.26, `GOOS=wasip1`" },
    Language { name: "c", title: "C", sdk: "c", toolchain: "clang: Zig's, wasi-sdk's or the system's" },
    Language { name: "cpp", title: "C++", sdk: "c", toolchain: "clang: Zig's, wasi-sdk's or the system's" },
];
