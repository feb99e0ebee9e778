//! Names of a form's parts, as browsers and other programs write them (`Content-Disposition`).
//!
//! Browsers write `%22` for a quote and leave backslashes alone (the HTML standard); most other
//! programs write `\"`, as RFC 2183 has it; some add `filename*` (RFC 8187) for other scripts.

use percent_encoding::percent_decode_str;

/// What a part says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Disposition {
    pub(super) name: String,
    /// The file's name, if the part is a file.
    pub(super) filename: Option<String>,
}

impl Disposition {
    pub(super) fn parse(header: &[u8]) -> Disposition {
        let header = String::from_utf8_lossy(header);
        let (mut name, mut plain, mut extended) = (None, None, None);
        let mut rest = header.split_once(';').map_or("", |(_, rest)| rest);
        while !rest.trim().is_empty() {
            let (key, value, after) = parameter(rest);
            match key.to_ascii_lowercase().as_str() {
                "name" => drop(name.get_or_insert_with(|| decoded(value))),
                "filename" => drop(plain.get_or_insert_with(|| decoded(value))),
                "filename*" => extended = extended.or_else(|| decoded_extended(value)),
                _ => {}
            }
            rest = after;
        }
        // The extended one is better: whoever writes it as well as the other had a reason to.
        Disposition { name: name.unwrap_or_default(), filename: extended.or(plain) }
    }
}

/// The first parameter's name, its value as it is written, and what follows.
fn parameter(text: &str) -> (&str, &str, &str) {
    let end = text.find([';', '=']).unwrap_or(text.len());
    let (key, rest) = text.split_at(end);
    let Some(value) = rest.strip_prefix('=') else {
        return (key.trim(), "", rest.strip_prefix(';').unwrap_or_default());
    };
    let value = value.trim_start();
    let quoted = value.strip_prefix('"').map_or(0, |inner| 1 + end_of_quoted(inner));
    let end = value[quoted..].find(';').map_or(value.len(), |at| quoted + at);
    (key.trim(), value[..end].trim(), value[end..].strip_prefix(';').unwrap_or_default())
}

/// Where a quoted value ends, behind its quote. One that has no other quote may end in a backslash.
fn end_of_quoted(inner: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            '"' if !is_escaped => return at + 1,
            _ => is_escaped = c == '\\' && !is_escaped,
        }
    }
    inner.find('"').map_or(inner.len(), |at| at + 1)
}

fn decoded(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else {
        return percent_decode_str(value).decode_utf8_lossy().into_owned();
    };
    unescaped(inner.strip_suffix('"').unwrap_or(inner))
}

/// Undoes both ways to write a quote. A backslash before anything else is one of a file's name.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (escape, meant) = ESCAPES
            .into_iter()
            .find(|(escape, _)| {
                rest.get(..escape.len()).is_some_and(|s| s.eq_ignore_ascii_case(escape))
            })
            .unwrap_or(("", c));
        plain.push(meant);
        rest = &rest[if escape.is_empty() { c.len_utf8() } else { escape.len() }..];
    }
    plain
}

const ESCAPES: [(&str, char); 5] =
    [("\\\"", '"'), ("\\\\", '\\'), ("%22", '"'), ("%0D", '\r'), ("%0A", '\n')];

/// The value of `filename*`: a charset, a language, and percent-encoded bytes. Nothing if it is not.
fn decoded_extended(value: &str) -> Option<String> {
    let value = value.trim_matches('"');
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let bytes = percent_decode_str(encoded);
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" => bytes.decode_utf8().ok().map(Into::into),
        "iso-8859-1" | "us-ascii" => Some(bytes.map(char::from).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn file(name: &str, filename: &str) -> Disposition {
        Disposition { name: name.to_owned(), filename: Some(filename.to_owned()) }
    }

    fn parse(header: &str) -> Disposition {
        Disposition::parse(header.as_bytes())
    }

    #[rstest]
    #[case::plain(r#"form-data; name="f"; filename="a.txt""#, "a.txt")]
    #[case::other_order(r#"form-data; filename="a.txt"; name="f""#, "a.txt")]
    #[case::other_case(r#"Form-Data; NAME="f"; FileName="a.txt""#, "a.txt")]
    #[case::spaces(r#"form-data ;name = "f" ;  filename= "a.txt" ; "#, "a.txt")]
    #[case::no_file_chosen(r#"form-data; name="f"; filename="""#, "")]
    #[case::semicolon(r#"form-data; name="f"; filename="a;b=c.txt""#, "a;b=c.txt")]
    #[case::quote_of_browsers(r#"form-data; name="f"; filename="a %22b%22""#, r#"a "b""#)]
    #[case::line_break_of_browsers(r#"form-data; name="f"; filename="a%0D%0Ab""#, "a\r\nb")]
    #[case::other_percent_signs(r#"form-data; name="f"; filename="100%25 %zz %""#, "100%25 %zz %")]
    #[case::quote_of_others(r#"form-data; name="f"; filename="a \"b\"""#, r#"a "b""#)]
    #[case::backslash_of_others(r#"form-data; name="f"; filename="a\\b""#, r"a\b")]
    #[case::backslash_of_browsers(r#"form-data; name="f"; filename="a\b.txt""#, r"a\b.txt")]
    #[case::backslash_at_the_end(r#"form-data; name="f"; filename="a\""#, r"a\")]
    #[case::never_closed(r#"form-data; name="f"; filename="a.txt"#, "a.txt")]
    #[case::unquoted("form-data; name=f; filename=a%20b.txt", "a b.txt")]
    #[case::other_script(r#"form-data; name="f"; filename="ü🦉.txt""#, "ü🦉.txt")]
    #[case::extended("form-data; name=\"f\"; filename*=UTF-8''%C3%BC%20b.txt", "ü b.txt")]
    #[case::extended_first("form-data; name=f; filename*=utf-8'de'%C3%BC; filename=\"u\"", "ü")]
    #[case::extended_last("form-data; name=f; filename=\"u\"; filename*=utf-8''%C3%BC", "ü")]
    #[case::extended_latin("form-data; name=f; filename=u; filename*=ISO-8859-1''%FC", "ü")]
    #[case::extended_quoted("form-data; name=f; filename=u; filename*=\"utf-8''%C3%BC\"", "ü")]
    #[case::extended_broken("form-data; name=f; filename=u; filename*=utf-8''%FF", "u")]
    #[case::extended_unknown("form-data; name=f; filename=u; filename*=koi8-r''%C3", "u")]
    #[case::twice("form-data; name=f; filename=a; filename=b; name=g", "a")]
    fn a_files_name_is_read(#[case] header: &str, #[case] filename: &str) {
        assert_eq!(parse(header), file("f", filename));
    }

    #[rstest]
    #[case("form-data; name=\"a\"", "a")]
    #[case("form-data; name=\"a %22b%22\"", "a \"b\"")]
    #[case("form-data; x; name=a", "a")]
    #[case("form-data", "")]
    #[case("", "")]
    fn a_field_has_no_file(#[case] header: &str, #[case] name: &str) {
        assert_eq!(parse(header), Disposition { name: name.to_owned(), filename: None });
    }

    proptest! {
        #[test]
        fn what_browsers_write_is_read(name in "[^\\\\%]*", filename in "[^\\\\%]*") {
            let written = |text: &str| {
                text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
            };
            let header = format!(
                "form-data; name=\"{}\"; filename=\"{}\"", written(&name), written(&filename)
            );
            prop_assert_eq!(parse(&header), file(&name, &filename));
        }

        #[test]
        fn what_other_programs_write_is_read(name in "[^%]*", filename in "[^%]*") {
            let written = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
            let header = format!(
                "form-data; name=\"{}\"; filename=\"{}\"", written(&name), written(&filename)
            );
            prop_assert_eq!(parse(&header), file(&name, &filename));
        }

        #[test]
        fn any_bytes_are_read(header: Vec<u8>) {
            let _ = Disposition::parse(&header);
        }

        #[test]
        fn any_parameters_are_read(header in r#"form-data(; ?(name|filename\*?)=["'\\%2a;= ü]{0,9}){0,3}"#) {
            let _ = parse(&header);
        }
    }
}
