//! Numbers in English words, as names of events have them: `twenty-five`, `one-hundred-twenty`.

/// The largest number that is read in words.
pub const LARGEST: u32 = 999;

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// A number from 1 to [`LARGEST`] in words.
pub fn in_words(number: u32) -> Option<String> {
    let small = |number: u32| SMALL.get(number as usize).map(|word| (*word).to_owned());
    match number {
        1..20 => small(number),
        20..100 => {
            let tens = *TENS.get(number as usize / 10 - 2)?;
            Some(if number.is_multiple_of(10) { tens.into() } else { format!("{tens}-{}", small(number % 10)?) })
        }
        100..=LARGEST => {
            let hundreds = format!("{}-hundred", small(number / 100)?);
            Some(if number.is_multiple_of(100) { hundreds } else { format!("{hundreds}-{}", in_words(number % 100)?) })
        }
        _ => None,
    }
}

/// The number from 1 to [`LARGEST`] that words say.
pub fn read_words(text: &str) -> Option<u32> {
    (1..=LARGEST).find(|number| in_words(*number).as_deref() == Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_read_as_it_is_written() {
        let words: std::collections::BTreeSet<_> = (1..=LARGEST).filter_map(in_words).collect();
        assert_eq!(words.len(), LARGEST as usize);
        for number in (1..=LARGEST).step_by(7) {
            assert_eq!(in_words(number).as_deref().and_then(read_words), Some(number));
        }
        for (number, words) in [
            (1, "one"),
            (19, "nineteen"),
            (25, "twenty-five"),
            (90, "ninety"),
            (120, "one-hundred-twenty"),
            (407, "four-hundred-seven"),
            (999, "nine-hundred-ninety-nine"),
        ] {
            assert_eq!(in_words(number).as_deref(), Some(words));
        }
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        assert_eq!((in_words(0), in_words(1000)), (None, None));
        for text in ["", "zero", "fourty", "twenty-ten", "one-thousand", "Five", "5", "-", "one-hundred-and-five"] {
            assert_eq!(read_words(text), None, "{text:?}");
        }
    }
}
