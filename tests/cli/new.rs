//! `leveret new`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{directory, leveret, write};

/// Each language, and the manifest of its projects.
pub(super) const LANGUAGES: [(&str, &str); 7] = [
    ("rust", "Cargo.toml"),
    ("ts", "package.json"),
    ("js", "package.json"),
    ("python", "pyproject.toml"),
    ("go", "go.mod"),
    ("c", "CMakeLists.txt"),
    ("cpp", "CMakeLists.txt"),
];

#[test]
fn a_project_has_its_own_name_cases_and_the_sdk_in_every_language() {
    for (language, manifest) in LANGUAGES {
        let directory = directory();
        let ended = leveret(directory.path(), &[], &["new", "big-thanks", "--lang", language]);
        assert_eq!(ended.code, 0, "{language}: {}", ended.error);
        let project = directory.path().join("big-thanks");
        let text =
            |file: &str| fs::read_to_string(project.join(file)).unwrap_or_else(|_| panic!("{language}: no {file}"));
        assert!(text(manifest).contains("big-thanks") || text(manifest).contains("big_thanks"), "{language}");
        assert!(text(".gitignore").contains("/build/"), "{language}");
        assert!(text("sdk/wit/types.wit").contains("package leveret:plugin@"), "{language}");
        assert!(text("cases/a-payer-is-thanked.json").contains("org.payment.processed"), "{language}");
        let own = files(&project).into_iter().filter(|file| !file.starts_with(project.join("sdk")));
        for file in own {
            let named = format!("{} {}", file.display(), fs::read_to_string(&file).expect("a text"));
            assert!(!named.contains("__name__") && !named.contains("__module__"), "{language}: {}", file.display());
        }
        let kept = files(&project.join("sdk")).iter().any(|file| file.to_string_lossy().contains("/template"));
        assert!(!kept, "{language}: the SDK's templates are of no use in a project");
        assert!(ended.output.contains("leveret build") && ended.output.contains("leveret test"), "{}", ended.output);
    }
}

#[test]
fn what_is_there_already_is_left_alone() {
    let directory = directory();
    fs::create_dir(directory.path().join("thanks")).expect("a folder");
    let kept = write(&directory, "thanks/notes.txt", b"mine");
    let ended = leveret(directory.path(), &[], &["new", "thanks", "--lang", "rust"]);
    assert_eq!(ended.code, 2);
    assert!(ended.error.contains("thanks is there already"), "{}", ended.error);
    assert_eq!(files(&directory.path().join("thanks")), [kept]);
}

#[test]
fn a_name_that_no_application_can_have_is_refused() {
    for (name, reason) in
        [("Thanks", "lower-case"), ("1st", "begin with a letter"), ("a/b", "'/'"), ("leveret", "reserved")]
    {
        let ended = leveret(directory().path(), &[], &["new", name, "--lang", "go"]);
        assert_eq!(ended.code, 2, "{name}");
        assert!(ended.error.contains(reason), "{name}: {}", ended.error);
    }
}

#[test]
fn a_language_that_there_is_no_sdk_for_is_answered_with_those_that_there_are() {
    let ended = leveret(directory().path(), &[], &["new", "thanks", "--lang", "cobol"]);
    assert_eq!(ended.code, 2);
    for (language, _) in LANGUAGES {
        assert!(ended.error.contains(language), "{language}: {}", ended.error);
    }
}

/// Every file below a folder.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a folder").map(|entry| entry.expect("a file").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
