//! A role that is written into the plugin's own file: a test makes a build that behaves otherwise by writing a few bytes.
//!
//! An event then comes to something else only because another version of the plugin handles it.

use std::hint::black_box;

use leveret_plugin::prelude::*;

/// What comes before the role in the file, and the role: a verb, and of how many events (`1/4`: of those whose number
/// leaves 1 when it is divided by 4). Of other events the tasks are made. Spaces fill the rest.
static ROLE: [u8; 40] = *b"puppet role: emit 0/1                   ";
const BEFORE: usize = "puppet role: ".len();

/// How many turns a slow delivery takes: a few milliseconds.
const TURNS: u64 = 1_000_000;
/// More memory than any delivery is granted.
const TOO_MUCH: usize = 1 << 30;

/// What an event asks of the role.
#[derive(Deserialize, Serialize, Clone)]
pub struct Part {
    number: u64,
    /// How many tasks are to be made.
    tasks: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Part {
    pub fn perform(&self) -> Handled {
        let role = black_box(&ROLE)[BEFORE..].trim_ascii();
        self.play(str::from_utf8(role).map_err(|_| reject("the role is no text"))?)
    }

    fn play(&self, role: &str) -> Handled {
        let (verb, share) = role.split_once(' ').unwrap_or((role, "0/1"));
        let numbers = share.split_once('/').and_then(|(rest, of)| Some((rest.parse().ok()?, of.parse().ok()?)));
        let (rest, of): (u64, u64) = numbers.ok_or_else(|| reject(format!("{share:?} is no share")))?;
        if self.number.checked_rem(of) != Some(rest) {
            return self.emit();
        }
        match verb {
            "emit" => self.emit(),
            "slow" => {
                (0..TURNS).for_each(|turn| _ = black_box(turn));
                self.emit()
            }
            "retry" => Err(retry("the role says so")),
            "reject" => Err(reject("the role says so")),
            "panic" => panic!("the role says so"),
            "allocate" => {
                black_box(vec![1u8; TOO_MUCH]);
                self.emit()
            }
            "loop" => loop {
                black_box(());
            },
            unknown => Err(reject(format!("there is no role {unknown:?}"))),
        }
    }

    fn emit(&self) -> Handled {
        let task = |index| {
            let payload = json!({ "number": self.number, "index": index, "tasks": self.tasks });
            let task = Task::new(super::TASK, &payload)?;
            Ok(self.key.iter().fold(task, |task, key| task.key(key)))
        };
        (0..self.tasks).map(task).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_concerns_its_share_of_the_events() {
        let part = |number| Part { number, tasks: 2, key: None };
        assert_eq!(part(5).play("retry 1/4"), Err(retry("the role says so")));
        assert_eq!(part(6).play("retry 1/4").map(|tasks| tasks.len()), Ok(2));
        assert_eq!(part(6).perform().map(|tasks| tasks.len()), Ok(2));
        assert!(part(6).play("retry 1/0").is_ok() && part(6).play("dance 0/1").is_err());
    }
}
