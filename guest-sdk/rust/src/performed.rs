use crate::{Announcement, Task};

/// What came of a task that succeeded: the events to announce, and further tasks of the own application to create. All of
/// it is published, or nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Performed {
    /// The events, in the order in which they will be published.
    pub announcements: Vec<Announcement>,
    /// The tasks, in the order in which they will be published.
    pub tasks: Vec<Task>,
}

/// What a worker may return as what came of its task: nothing, announcements, tasks, or a pair of both.
///
/// ```
/// use leveret_plugin::prelude::*;
///
/// #[perform("email.send")]
/// fn send(task: Assignment<Value>) -> Handled<(Announcement, Option<Task>)> {
///     let sent = Announcement::new("email.sent", &json!({ "to": task.payload["to"] }))?;
///     let copy = match task.payload["cc"].as_str() {
///         Some(cc) => Some(Task::new("email.send", &json!({ "to": cc }))?),
///         None => None,
///     };
///     Ok((sent, copy))
/// }
///
/// # fn main() -> Handled<()> {
/// # use leveret_plugin::test::perform;
/// let performed = perform::<send>(json!({ "to": "a", "cc": "b" }))?;
/// assert_eq!(performed.announcements, [Announcement::new("email.sent", &json!({ "to": "a" }))?]);
/// assert_eq!(performed.tasks, [Task::new("email.send", &json!({ "to": "b" }))?]);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "a worker cannot return `{Self}` as what came of its task",
    label = "this is not `()`, an `Announcement`, a `Task`, an `Option`, `Vec` or array of one of them, a pair of these, \
             or `Performed`"
)]
pub trait IntoPerformed {
    /// The announcements and tasks, each in the order in which they will be published.
    fn into_performed(self) -> Performed;
}

/// What an `Option`, a `Vec` or an array may hold to be [`IntoPerformed`]: [`Announcement`] and [`Task`].
pub trait Part: Sized {
    /// Puts several of a kind where they belong.
    fn gathered(parts: Vec<Self>) -> Performed;
}

impl Part for Announcement {
    fn gathered(announcements: Vec<Self>) -> Performed {
        Performed { announcements, tasks: Vec::new() }
    }
}

impl Part for Task {
    fn gathered(tasks: Vec<Self>) -> Performed {
        Performed { announcements: Vec::new(), tasks }
    }
}

impl IntoPerformed for Performed {
    fn into_performed(self) -> Performed {
        self
    }
}

impl IntoPerformed for () {
    fn into_performed(self) -> Performed {
        Performed::default()
    }
}

impl IntoPerformed for Announcement {
    fn into_performed(self) -> Performed {
        Part::gathered(vec![self])
    }
}

impl IntoPerformed for Task {
    fn into_performed(self) -> Performed {
        Part::gathered(vec![self])
    }
}

impl<P: Part> IntoPerformed for Option<P> {
    fn into_performed(self) -> Performed {
        P::gathered(self.into_iter().collect())
    }
}

impl<P: Part> IntoPerformed for Vec<P> {
    fn into_performed(self) -> Performed {
        P::gathered(self)
    }
}

impl<P: Part, const N: usize> IntoPerformed for [P; N] {
    fn into_performed(self) -> Performed {
        P::gathered(self.into())
    }
}

impl<A: IntoPerformed, B: IntoPerformed> IntoPerformed for (A, B) {
    fn into_performed(self) -> Performed {
        let (mut first, mut second) = (self.0.into_performed(), self.1.into_performed());
        first.announcements.append(&mut second.announcements);
        first.tasks.append(&mut second.tasks);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Failure;

    #[test]
    fn nothing_announcements_tasks_and_both_are_all_that_may_come_of_a_task() -> Result<(), Failure> {
        let (event, task) = (Announcement::new("email.sent", &())?, Task::new("email.send", &())?);
        let announced =
            |announcements: &[Announcement]| Performed { announcements: announcements.into(), tasks: vec![] };
        let created = |tasks: &[Task]| Performed { announcements: vec![], tasks: tasks.into() };
        let two = [event.clone(), event.clone()];
        assert_eq!(().into_performed(), Performed::default());
        assert_eq!(None::<Task>.into_performed(), Performed::default());
        assert_eq!(event.clone().into_performed(), announced(&two[..1]));
        assert_eq!(Some(event.clone()).into_performed(), announced(&two[..1]));
        assert_eq!(two.to_vec().into_performed(), announced(&two));
        assert_eq!(two.clone().into_performed(), announced(&two));
        assert_eq!(task.clone().into_performed(), created(std::slice::from_ref(&task)));
        assert_eq!(vec![task.clone()].into_performed(), created(std::slice::from_ref(&task)));
        let both = Performed { announcements: two.to_vec(), tasks: vec![task.clone()] };
        assert_eq!((two.clone(), task.clone()).into_performed(), both);
        assert_eq!((Some(task), two).into_performed(), both);
        assert_eq!(both.clone().into_performed(), both);
        Ok(())
    }
}
