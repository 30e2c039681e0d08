/// Whether a name is there twice, at compile time: two subscribers of one event, or workers of one task, fail
/// the build.
///
/// ```compile_fail,E0080
/// use leveret_plugin::prelude::*;
///
/// #[subscribe("user.authorized")]
/// fn greet(_: Event<Value>) -> Handled<()> {
///     Ok(())
/// }
///
/// #[subscribe("user.authorized")]
/// fn count(_: Event<Value>) -> Handled<()> {
///     Ok(())
/// }
///
/// leveret_plugin::plugin! { summary: "", subscribers: [greet, count] }
/// ```
pub const fn has_duplicate(names: &[&str]) -> bool {
    let mut left = 0;
    while left < names.len() {
        let mut right = left + 1;
        while right < names.len() {
            if same(names[left].as_bytes(), names[right].as_bytes()) {
                return true;
            }
            right += 1;
        }
        left += 1;
    }
    false
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut index = 0;
    while index < left.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_there_twice_is_found() {
        assert!(has_duplicate(&["a.b", "c.d", "a.b"]));
        assert!(!has_duplicate(&["a.b", "a.bc", "c.d"]));
    }
}
