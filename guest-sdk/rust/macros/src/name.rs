//! The host's rules for names, so that an illegal one fails the build instead of the plugin.

use syn::{Error, LitStr, Result};

/// An event's full name: at least two parts, at most 127 bytes.
pub fn check_event(name: &LitStr) -> Result<()> {
    check(name, 127)?;
    if !name.value().contains('.') {
        let complaint = "an event is named model first, past-tense verb last: \"user.authorized\"";
        return Err(Error::new(name.span(), complaint));
    }
    Ok(())
}

/// A task's name within the application.
pub fn check_task(name: &LitStr) -> Result<()> {
    check(name, 191)
}

fn check(name: &LitStr, limit: usize) -> Result<()> {
    let text = name.value();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let complaint = if text.split('.').any(str::is_empty) {
        "the name, or a part of it between dots, is empty".to_string()
    } else if let Some(character) = text.chars().find(|&c| !legal(c)) {
        format!("a name has ASCII letters, digits, '-', '_' and dots only, not {character:?}")
    } else if text.len() > limit {
        format!("the name has {} bytes; at most {limit} are allowed", text.len())
    } else {
        return Ok(());
    };
    Err(Error::new(name.span(), complaint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;

    fn complaint(check: fn(&LitStr) -> Result<()>, name: &str) -> Option<String> {
        check(&LitStr::new(name, Span::call_site())).err().map(|error| error.to_string())
    }

    #[test]
    fn legal_names_pass() {
        assert_eq!(complaint(check_event, "time.five-minutes.passed"), None);
        assert_eq!(complaint(check_task, "sweep"), None);
    }

    #[test]
    fn illegal_names_are_refused_with_the_reason() {
        let of_event = |name| complaint(check_event, name).unwrap_or_default();
        assert!(of_event("").contains("empty"));
        assert!(of_event("user..authorized").contains("empty"));
        assert!(of_event("user.authorized!").contains("'!'"));
        assert!(of_event("authorized").contains("past-tense verb"));
        assert!(of_event(&format!("user.{}", "a".repeat(200))).contains("205 bytes"));
    }
}
