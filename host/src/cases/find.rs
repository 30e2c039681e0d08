//! Which files are cases.

use std::fs;
use std::path::{Path, PathBuf};

use super::case::{Case, Problem};
use crate::name::AppName;

/// Why there are no cases to run.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    #[error("{} is not readable: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },
    #[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
}

/// Reads every case in a directory and below it, for a plugin of this application, in the order of their names: each
/// `.json` that is not hidden.
pub fn find(app: &AppName, directory: &Path) -> Result<Vec<Case>, FindError> {
    let mut files = Vec::new();
    collect(directory, "", &mut files)?;
    files.sort();
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    for (name, file) in files {
        let read = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        match Case::read(app, &name, &file, &read) {
            Ok(case) => cases.push(case),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(cases) } else { Err(FindError::Problems(problems)) }
}

fn collect(directory: &Path, prefix: &str, files: &mut Vec<(String, PathBuf)>) -> Result<(), FindError> {
    let unreadable = |error: std::io::Error| unreadable(directory, &error);
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else if let Some(name) = name.strip_suffix(".json") {
            files.push((format!("{prefix}{name}"), path));
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &std::io::Error) -> FindError {
    FindError::Unreadable { path: path.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_json_is_a_case_and_every_problem_is_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("writable");
        fs::create_dir(directory.path().join("payments")).expect("writable");
        write("b.json", r#"{"healthy": true}"#);
        write("payments/a.json", r#"{"event": {"name": "a.b"}}"#);
        write("README.md", "no case");
        write(".hidden.json", "no case");
        let names: Vec<_> = find(&"pheidi".parse().expect("legal"), directory.path())
            .expect("legal")
            .into_iter()
            .map(|case| case.name)
            .collect();
        assert_eq!(names, ["b", "payments/a"]);

        write("c.json", "{");
        write("payments/d.json", "[]");
        let Err(FindError::Problems(problems)) = find(&"pheidi".parse().expect("legal"), directory.path()) else {
            panic!("there are problems")
        };
        assert_eq!(problems.len(), 2);
        assert!(find(&"pheidi".parse().expect("legal"), &directory.path().join("nowhere")).is_err());
    }
}
