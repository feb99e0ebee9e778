//! Every list of the envelope's fields that is not made from `owt-core`'s has all of them.

use std::fs;
use std::path::Path;

use owt_core::{Field, FieldKind};
use rstest::rstest;

fn options() -> impl Iterator<Item = Field> {
    Field::ALL.iter().copied().filter(|field| field.is_option())
}

/// `fn_name` as JavaScript writes it.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

fn row_of_the_readme(field: Field) -> Vec<String> {
    let doc = match (field.kind(), field.doc()) {
        (FieldKind::Flag, doc) => format!("`true`: {}{}", doc[..1].to_lowercase(), &doc[1..]),
        (_, doc) => doc.to_owned(),
    };
    vec![format!("| `{}` | {doc} |\n", field.name())]
}

fn lines_of_typescript(field: Field) -> Vec<String> {
    let name = camel_case(field.name());
    let its_type = match field.kind() {
        FieldKind::Flag => "boolean",
        FieldKind::Seconds => "number",
        _ => "string",
    };
    vec![
        format!("  /** {}. */\n  {name}?: {its_type} | undefined;\n", field.doc()),
        format!("  {name}: '{}',\n", field.name()),
    ]
}

fn words_of_the_npm_package(field: Field) -> Vec<String> {
    vec![format!("`{}`", camel_case(field.name()))]
}

fn lines_of_python(field: Field) -> Vec<String> {
    let name = field.name();
    let its_type = match (field, field.kind()) {
        (Field::FnName, _) => "str = \"run\"",
        (_, FieldKind::Flag) => "bool = False",
        (_, FieldKind::Seconds) => "float | None = None",
        _ => "str | None = None",
    };
    vec![format!("    {name}: {its_type},\n"), format!("        \"{name}\": ")]
}

#[rstest]
#[case("README.md", Field::ALL.to_vec(), row_of_the_readme)]
#[case("owt-client-wasm/ts/fields.ts", options().collect(), lines_of_typescript)]
#[case("owt-client-wasm/README.md", options().collect(), words_of_the_npm_package)]
#[case("summat/owt/_owtify.py", options().collect(), lines_of_python)]
fn every_field_is_in(
    #[case] file: &str,
    #[case] fields: Vec<Field>,
    #[case] lines: fn(Field) -> Vec<String>,
) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    let text = fs::read_to_string(path).expect("the file is in the repository");
    let missing: Vec<String> =
        fields.into_iter().flat_map(lines).filter(|line| !text.contains(line)).collect();
    assert_eq!(missing, Vec::<String>::new(), "{file} has to have these");
}
