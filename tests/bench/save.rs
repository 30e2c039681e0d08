//! How long it takes, under `leveret dev`, from saving a source file until the new version has handled a message.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use leveret_tests::dev::Dev;
use leveret_tests::guests;
use leveret_tests::http;
use leveret_tests::process::command;
use leveret_tests::stage::Failure;

use super::figures::{Figures, median};

/// A language, and the file of its template that is saved.
const LANGUAGES: [(&str, &str); 4] =
    [("rust", "src/lib.rs"), ("ts", "src/plugin.ts"), ("python", "plugin.py"), ("go", "main.go")];
const SAVES: usize = 5;
/// How often an event is published until the new version handles one.
const LOOK: Duration = Duration::from_millis(20);
/// The first build fetches and compiles what the SDK is made of.
const FIRST: Duration = Duration::from_secs(600);
const PATIENCE: Duration = Duration::from_secs(120);
const EVENT: &str = "org.payment.processed";

/// Saves each language's template again and again.
pub async fn measure(figures: &mut Figures) -> Result<(), Failure> {
    for (language, source) in LANGUAGES {
        if let Some(reason) = guests::skipped(language) {
            eprintln!("  {language} is skipped: {reason}");
            continue;
        }
        let directory = tempfile::tempdir()?;
        let made = command()
            .args(["new", "thanks", "--lang", language])
            .current_dir(&directory)
            .stdout(Stdio::null())
            .status()?;
        if !made.success() {
            return Err(format!("no project in {language}").into());
        }
        let project = directory.path().join("thanks");
        let dev = Dev::start(&project, &["--no-cases"], guests::toolchains());
        dev.line("live ", FIRST);
        let (mut handled, mut built) = (Vec::new(), Vec::new());
        for save in 0..SAVES {
            let template = format!("thanks-{save}");
            let begun = Instant::now();
            edit(&project.join(source), &template)?;
            built.push(dev.line("built ", PATIENCE).1.duration_since(begun).as_secs_f64());
            handled.push(until_handled(&dev, &template).await?.duration_since(begun).as_secs_f64());
        }
        figures.add(
            format!("save_{language}_s"),
            median(&handled),
            "s from a save until the new version handled a message",
        );
        let meaning = "of it, s until the language's own toolchain had built it";
        figures.add(format!("save_{language}_built_s"), median(&built), meaning);
    }
    Ok(())
}

/// Writes another template's name into the plugin's handler: the first that is in the file.
fn edit(source: &Path, template: &str) -> Result<(), Failure> {
    let text = fs::read_to_string(source)?;
    let at = text.find("\"thanks").ok_or("the template's name is not in the source")?;
    let end = at + 1 + text[at + 1..].find('"').ok_or("a text ends")?;
    fs::write(source, format!("{}\"{template}{}", &text[..at], &text[end..]))?;
    Ok(())
}

/// Publishes events until one was handled by the version with this template, and says when.
async fn until_handled(dev: &Dev, template: &str) -> Result<Instant, Failure> {
    let begun = Instant::now();
    let (api, payload) = (format!("http://{}", dev.address), r#"{"user": {"email": "ada@example.org"}, "amount": 1}"#);
    for number in 0.. {
        if begun.elapsed() > PATIENCE {
            break;
        }
        let id = format!("{template}-{number}");
        http::publish(&api, EVENT, &id, payload).await.ok_or("the host is gone")?;
        let due = Instant::now() + LOOK;
        loop {
            match dev.next(due) {
                Ok((line, came)) if line.starts_with("task ") && line.contains(template) => return Ok(came),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Err("leveret dev ended".into()),
            }
        }
    }
    Err(format!("no message was handled by {template}").into())
}
