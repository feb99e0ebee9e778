//! The name of the file that an adaptor was read from, as tracebacks and logs show it.

use std::fmt;

/// The most bytes that a name may have.
const MAX_LEN: usize = 128;

/// A file's name without its folder: `iris.py`. It holds no characters that could mislead a reader of a
/// log or a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// The last part of a path, if that is the name of a Python file.
    ///
    /// # Examples
    ///
    /// ```
    /// use owt_core::FileName;
    ///
    /// let name = |path| FileName::new(path).map(|name| name.to_string());
    /// assert_eq!(name("/home/ada/iris.py"), Some("iris.py".to_owned()));
    /// assert_eq!(name("Ada"), None);
    /// ```
    #[must_use]
    pub fn new(path: &str) -> Option<FileName> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
        let is_python = name.len() > ".py".len() && name.ends_with(".py");
        let is_safe = name.len() <= MAX_LEN && name.chars().all(is_safe);
        (is_python && is_safe).then(|| FileName(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses control characters, those that Unicode has for the order and the width of text, and what
/// would end the name where tracebacks show it.
fn is_safe(char: char) -> bool {
    let is_format = matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    );
    !char.is_control() && !is_format && !matches!(char, '<' | '>' | '"')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("iris.py", "iris.py")]
    #[case("models/iris.py", "iris.py")]
    #[case(r"C:\models\iris.py", "iris.py")]
    #[case("../../étude 2.py", "étude 2.py")]
    fn a_path_ends_in_the_name(#[case] path: &str, #[case] name: &str) {
        assert_eq!(FileName::new(path).as_ref().map(FileName::as_str), Some(name));
    }

    #[rstest]
    #[case::nothing("")]
    #[case::suffix_alone("a/.py")]
    #[case::no_python("Ada")]
    #[case::folder("iris.py/")]
    #[case::line_break("a\nb.py")]
    #[case::escape("\u{1b}[2Ja.py")]
    #[case::right_to_left("\u{202e}a.py")]
    #[case::bracket("a>.py")]
    #[case::quote("a\".py")]
    #[case::long(&format!("{}.py", "a".repeat(MAX_LEN)))]
    fn what_is_no_name_is_none(#[case] text: &str) {
        assert_eq!(FileName::new(text), None);
    }

    proptest! {
        #[test]
        fn a_name_is_its_own_name(path in "\\PC*/[^<>\"]{1,9}\\.py") {
            if let Some(name) = FileName::new(&path) {
                prop_assert!(path.ends_with(name.as_str()) && !name.as_str().contains('/'));
                prop_assert_eq!(FileName::new(name.as_str()), Some(name));
            }
        }
    }
}
