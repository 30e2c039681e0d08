//! What a plugin may not share with those beside it: queues, and an application's name.

use std::collections::BTreeMap;

use crate::message::Subject;
use crate::name::{AppName, PluginId, QueueName};
use crate::plugin::{Description, Refusal};

/// Whether a plugin can go live beside the others. Applications are those of every plugin file, live or not.
///
/// Two plugins of one application can spell one queue: `a`'s `b.c.d` and `a/b`'s `c.d`, or a task's and a
/// subscription's. And an event that begins with an application's name would look like one of its tasks (I3).
pub(super) fn check<'d>(
    id: &'d PluginId,
    description: &'d Description,
    others: impl Iterator<Item = (&'d PluginId, &'d Description)> + Clone,
    mut apps: impl Iterator<Item = &'d AppName>,
) -> Result<(), Refusal> {
    check_queues(id, description, others.clone())?;
    for app in apps.by_ref() {
        if let Some(event) = description.announces.iter().find(|event| event.is_in_the_namespace_of(app)) {
            return Err(Refusal::ForeignEvent { event: event.clone(), app: app.clone() });
        }
    }
    for (other, theirs) in others {
        if let Some(event) = theirs.announces.iter().find(|event| event.is_in_the_namespace_of(&id.app)) {
            return Err(Refusal::AnnouncedElsewhere { event: event.clone(), owner: other.to_string() });
        }
    }
    Ok(())
}

fn check_queues<'d>(
    id: &'d PluginId,
    description: &'d Description,
    others: impl Iterator<Item = (&'d PluginId, &'d Description)>,
) -> Result<(), Refusal> {
    let (mut listened, mut filled) = (BTreeMap::new(), BTreeMap::new());
    for (owner, theirs) in others.filter(|(other, _)| *other != id).chain([(id, description)]) {
        let taken =
            |queue: &QueueName, by: &PluginId| Refusal::QueueTaken { queue: queue.clone(), owner: by.to_string() };
        for subject in theirs.subjects() {
            let queue = subject.queue(owner);
            if let Some(earlier) = listened.insert(queue.clone(), (owner, subject)) {
                return Err(taken(&queue, earlier.0));
            }
        }
        filled.extend(theirs.emits.iter().map(|task| (QueueName::task(task), owner)));
        // A task that a plugin emits must not arrive where an event is expected.
        for (queue, (listener, subject)) in &listened {
            if let (Subject::Event(_), Some(emitter)) = (subject, filled.get(queue)) {
                return Err(taken(queue, if *listener == id { emitter } else { listener }));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plugin::{AskedLimits, Schemas};

    fn plugin(
        id: &str,
        events: &[&str],
        performs: &[&str],
        emits: &[&str],
        announces: &[&str],
    ) -> (PluginId, Description) {
        fn names<N: std::str::FromStr<Err: std::fmt::Debug> + Ord>(names: &[&str]) -> BTreeSet<N> {
            names.iter().map(|name| name.parse().expect("legal")).collect()
        }
        let description = Description {
            version: "1".into(),
            summary: String::new(),
            subscriptions: names(events),
            emits: names(emits),
            performs: names(performs),
            announces: names(announces),
            limits: AskedLimits::default(),
            timetable: Vec::new(),
            schemas: Schemas::default(),
        };
        (id.parse().expect("legal"), description)
    }

    fn beside(one: &(PluginId, Description), others: &[(PluginId, Description)]) -> Result<(), Refusal> {
        let apps = others.iter().map(|(id, _)| &id.app);
        check(&one.0, &one.1, others.iter().map(|(id, description)| (id, description)), apps)
    }

    #[test]
    fn no_queue_has_two_plugins() {
        let main = plugin("a", &["b.c.done"], &[], &[], &[]);
        let second = plugin("a/b", &["c.done"], &[], &[], &[]);
        assert!(matches!(beside(&second, &[main]), Err(Refusal::QueueTaken { .. })));
        let workers = ["a", "a/b"].map(|id| plugin(id, &[], &["a.mail.send"], &[], &[]));
        assert!(matches!(beside(&workers[1], &workers[..1]), Err(Refusal::QueueTaken { .. })));
        assert_eq!(beside(&workers[0], &workers[..1]), Ok(()), "the version before is no neighbour");
    }

    #[test]
    fn i3_a_task_s_queue_is_no_subscription_s() {
        let confused = plugin("a", &["mail.send"], &[], &["a.mail.send"], &[]);
        assert!(matches!(beside(&confused, &[]), Err(Refusal::QueueTaken { .. })));
        let emitter = plugin("a/b", &[], &["a.other"], &["a.mail.send"], &[]);
        let listener = plugin("a", &["mail.send"], &[], &[], &[]);
        assert!(matches!(beside(&emitter, std::slice::from_ref(&listener)), Err(Refusal::QueueTaken { .. })));
        assert!(matches!(beside(&listener, &[emitter]), Err(Refusal::QueueTaken { .. })));
    }

    #[test]
    fn i3_no_event_begins_like_an_application_s_tasks_whoever_comes_first() {
        let announcer = plugin("mail", &[], &["mail.send"], &[], &["billing.paid"]);
        let owner = plugin("billing", &["order.placed"], &[], &[], &[]);
        assert!(matches!(beside(&announcer, std::slice::from_ref(&owner)), Err(Refusal::ForeignEvent { .. })));
        assert!(matches!(beside(&owner, &[announcer]), Err(Refusal::AnnouncedElsewhere { .. })));
        let good = plugin("mail", &[], &["mail.send"], &[], &["email.sent"]);
        assert_eq!(beside(&good, &[owner]), Ok(()));
    }
}
