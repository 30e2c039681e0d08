use crate::{Failure, payload};
use serde::Serialize;

/// An order to change state, within the plugin's own application.
///
/// Two tasks are equal if their payloads mean the same, whatever the order of fields, so that a test can compare with
/// a payload written as `json!`.
#[derive(Debug, Clone)]
pub struct Task {
    /// The name within the application, one of those that [`plugin!`](crate::plugin) lists under `emits`.
    pub name: String,
    /// The payload: one JSON text.
    pub payload: String,
    /// The ordering key.
    pub key: Option<String>,
    /// Further headers: name and value.
    pub headers: Vec<(String, String)>,
}

impl Task {
    /// A task with a payload that serializes to JSON.
    ///
    /// A payload that does not serialize is a rejection, since it would not the next time either.
    pub fn new(name: impl Into<String>, payload: &impl Serialize) -> Result<Task, Failure> {
        let name = name.into();
        let payload = payload::write(payload, || format!("task {name}"))?;
        Ok(Task { name, payload, key: None, headers: Vec::new() })
    }

    /// Sets the ordering key: tasks of one key are performed one at a time and in order, where the worker asks for it.
    pub fn key(self, key: impl Into<String>) -> Task {
        Task { key: Some(key.into()), ..self }
    }

    /// Adds a header. Names that begin with `x-leveret-` or `x-death` are the host's, and fail the delivery.
    ///
    /// `deliver-at` has the host publish it later: milliseconds since 1970 UTC, or an RFC 3339 moment. With `deliver-id`, a
    /// name within the application, it takes the place of what waits under that name, and `deliver-at: never` takes that back.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Task {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl PartialEq for Task {
    fn eq(&self, other: &Task) -> bool {
        self.name == other.name
            && self.key == other.key
            && self.headers == other.headers
            && payload::same(&self.payload, &other.payload)
    }
}

/// What a subscriber or `recover` may return as its tasks: nothing, one task, perhaps one, or several.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}` as its tasks",
    label = "this is not `()`, `Task`, `Option<Task>`, `Vec<Task>` or `[Task; N]`"
)]
pub trait IntoTasks {
    /// The tasks, in the order in which they will be published.
    fn into_tasks(self) -> Vec<Task>;
}

impl IntoTasks for () {
    fn into_tasks(self) -> Vec<Task> {
        Vec::new()
    }
}

impl IntoTasks for Task {
    fn into_tasks(self) -> Vec<Task> {
        vec![self]
    }
}

impl IntoTasks for Option<Task> {
    fn into_tasks(self) -> Vec<Task> {
        self.into_iter().collect()
    }
}

impl IntoTasks for Vec<Task> {
    fn into_tasks(self) -> Vec<Task> {
        self
    }
}

impl<const N: usize> IntoTasks for [Task; N] {
    fn into_tasks(self) -> Vec<Task> {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reject;
    use serde_json::json;
    use std::collections::HashMap;

    #[test]
    fn tasks_are_compared_by_what_their_payloads_mean() -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Email {
            to: &'static str,
            template: &'static str,
        }
        let task = Task::new("email.send", &Email { to: "a@example.org", template: "receipt" })?;
        assert_eq!(task, Task::new("email.send", &json!({ "template": "receipt", "to": "a@example.org" }))?);
        assert_ne!(task, Task::new("email.send", &json!({ "template": "receipt", "to": "b@example.org" }))?);
        assert_ne!(task, task.clone().key("7"));
        Ok(())
    }

    #[test]
    fn a_payload_that_is_not_json_is_rejected() {
        let failure = Task::new("email.send", &HashMap::from([((1, 2), 3)]));
        assert_eq!(failure, Err(reject("the payload of task email.send is not JSON: key must be a string")));
    }

    #[test]
    fn nothing_one_perhaps_one_and_several_tasks_are_all_tasks() -> Result<(), Failure> {
        let task = Task::new("email.send", &())?;
        let tasks = vec![task.clone(), task.clone()];
        assert_eq!(().into_tasks(), []);
        assert_eq!(None.into_tasks(), []);
        assert_eq!(Some(task.clone()).into_tasks(), tasks[..1]);
        assert_eq!(task.clone().into_tasks(), tasks[..1]);
        assert_eq!([task.clone(), task].into_tasks(), tasks);
        assert_eq!(tasks.clone().into_tasks(), tasks);
        Ok(())
    }
}
