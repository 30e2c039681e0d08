//! A new project: what is the same in every language, the language's template, and its SDK.

use std::fs;
use std::path::{Path, PathBuf};

use super::embedded;
use super::error::CreateError;
use super::language::Language;
use crate::name::AppName;

/// A project that was made.
#[derive(Debug, Clone)]
pub struct Created {
    pub directory: PathBuf,
    /// Every file of it but the SDK's, relative to the folder.
    pub files: Vec<String>,
}

/// Makes a project in a folder of its name.
///
/// # Errors
/// If the name is none that an application can have, or the folder is there and not empty.
pub fn create(parent: &Path, name: &str, language: Language) -> Result<Created, CreateError> {
    let name: AppName = name.parse()?;
    let name = name.as_str();
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return Err(CreateError::FirstCharacter(name.into()));
    }
    let directory = parent.join(name);
    if fs::read_dir(&directory).is_ok_and(|mut entries| entries.next().is_some()) || directory.is_file() {
        return Err(CreateError::Exists(directory));
    }
    let (sdk, template) = (language.sdk(), format!("{}/{}", language.sdk(), language.template()));
    let mut files = Vec::new();
    for (path, bytes) in embedded::folder("guest-sdk/template").chain(embedded::folder(&template)) {
        let path = named(path, name);
        match path.strip_suffix("gitignore").filter(|rest| rest.is_empty() || rest.ends_with('/')) {
            Some(folder) => append(&directory.join(folder).join(".gitignore"), bytes)?,
            None => {
                write(&directory.join(&path), named(&String::from_utf8_lossy(bytes), name).as_bytes())?;
                files.push(path);
            }
        }
    }
    for (path, bytes) in embedded::folder(sdk).filter(|(path, _)| !path.starts_with("template")) {
        write(&directory.join("sdk").join(path), bytes)?;
    }
    Ok(Created { directory, files })
}

/// A template's text, or the path of one of its files, with the project's name where it belongs.
fn named(text: &str, name: &str) -> String {
    text.replace("__name__", name).replace("__module__", &name.replace('-', "_"))
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), CreateError> {
    let unwritable = |error: std::io::Error| CreateError::File { file: file.to_owned(), reason: error.to_string() };
    fs::create_dir_all(file.parent().unwrap_or(file)).map_err(unwritable)?;
    fs::write(file, bytes).map_err(unwritable)
}

/// What the language's builds leave behind, after what every build does.
fn append(file: &Path, bytes: &[u8]) -> Result<(), CreateError> {
    let before = fs::read(file).unwrap_or_default();
    write(file, &[before.as_slice(), bytes].concat())
}
