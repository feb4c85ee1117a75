//! The closed language of templates: `{{ name }}`, `{% if name %}`, `{% if not name %}`, `{% else %}`, `{% endif %}`, and
//! nothing else. What stands between the braces is looked at when a version is written down, so that nothing in one computes,
//! calls, repeats or includes; minijinja reads and fills in what is left.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

use crate::domain::error::{Error, Result};
use crate::domain::text;

use super::values::Variable;

/// Steps that one part of a message may take to be filled in; a part of the longest size takes a fifth of them.
const FUEL: u64 = 50_000;
/// Conditions inside of each other.
const DEEPEST: usize = 5;
/// Words that the engine reads in another way than as a name.
const RESERVED: [&str; 18] =
    ["and", "else", "elif", "endif", "false", "for", "if", "in", "is", "loop", "none", "not", "or", "self", "set", "super", "true", "with"];

/// Whether this can be the name of a variable.
pub(super) fn is_name(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    word.starts_with(|c: char| c.is_ascii_lowercase()) && word.len() <= 40 && word.chars().all(plain) && !RESERVED.contains(&word)
}

/// Refuses whatever is not in the language, a name that is not among the variables, and one that may be missing and is not asked for.
pub(in crate::domain) fn check(field: &str, source: &str, variables: &[Variable]) -> Result<()> {
    let wrong = |line: usize, why: String| Error::invalid("template_invalid", field, format!("{field}, line {line}: {why}"));
    // Which variables are asked for around a place, and whether they are there in this branch.
    let mut open: Vec<(String, bool)> = vec![];
    for (line, tag) in tags(field, source)? {
        let known = |name: &str| {
            let names: Vec<&str> = variables.iter().map(|variable| variable.name.as_str()).collect();
            let declared = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let missing = || wrong(line, format!("there is no variable \"{}\"; declared: {declared}.", text::excerpt(name)));
            variables.iter().find(|variable| variable.name == name).ok_or_else(missing)
        };
        match tag {
            Tag::Print(name) => {
                let asked = open.iter().any(|(asked, there)| *asked == name && *there);
                if known(&name)?.optional && !asked {
                    return Err(wrong(line, format!("{name} may be missing. Put it between {{% if {name} %}} and {{% endif %}}.")));
                }
            }
            Tag::If(name, there) => {
                known(&name)?;
                open.push((name, there));
                if open.len() > DEEPEST {
                    return Err(wrong(line, format!("conditions stand in each other at most {DEEPEST} deep.")));
                }
            }
            Tag::Else => match open.last_mut() {
                Some((_, there)) => *there = !*there,
                None => return Err(wrong(line, "there is no {% if … %} before this {% else %}.".to_owned())),
            },
            Tag::End => {
                open.pop().ok_or_else(|| wrong(line, "there is no {% if … %} before this {% endif %}.".to_owned()))?;
            }
        }
    }
    match open.last() {
        Some((name, _)) => Err(wrong(source.lines().count(), format!("{{% if {name} %}} has no {{% endif %}}."))),
        None => compiles(field, source),
    }
}

fn compiles(field: &str, source: &str) -> Result<()> {
    let environment = environment(AutoEscape::None).map_err(Error::internal)?;
    let wrong = |error: minijinja::Error| {
        let line = error.line().unwrap_or(1);
        Error::invalid("template_invalid", field, format!("{field}, line {line}: {}.", text::excerpt(&error.to_string())))
    };
    environment.template_from_str(source).map(drop).map_err(wrong)
}

#[derive(Debug, PartialEq, Eq)]
enum Tag {
    Print(String),
    /// Whether it must be there, or must not.
    If(String, bool),
    Else,
    End,
}

/// What stands between braces, each with its line.
fn tags(field: &str, source: &str) -> Result<Vec<(usize, Tag)>> {
    let (mut found, mut rest, mut line) = (vec![], source, 1);
    while let Some(at) = ["{{", "{%", "{#"].iter().filter_map(|open| rest.find(open)).min() {
        line += rest[..at].matches('\n').count();
        let wrong = |why: &str| Error::invalid("template_invalid", field, format!("{field}, line {line}: {why}"));
        let (open, inside) = rest[at..].split_at(2);
        let close = match open {
            "{{" => "}}",
            "{%" => "%}",
            _ => return Err(wrong("{# begins a comment, which templates do not have. Take it out.")),
        };
        let (inside, behind) = inside.split_once(close).ok_or_else(|| wrong(&format!("{open} has no {close}.")))?;
        let words: Vec<&str> = inside.split_ascii_whitespace().collect();
        let tag = match (open, words.as_slice()) {
            ("{{", [name]) if is_name(name) => Tag::Print((*name).to_owned()),
            ("{%", ["if", name]) if is_name(name) => Tag::If((*name).to_owned(), true),
            ("{%", ["if", "not", name]) if is_name(name) => Tag::If((*name).to_owned(), false),
            ("{%", ["else"]) => Tag::Else,
            ("{%", ["endif"]) => Tag::End,
            _ => {
                let known = "Only {{ name }}, {% if name %}, {% if not name %}, {% else %} and {% endif %} stand between braces";
                return Err(wrong(&format!("{known}; got \"{open}{}{close}\".", text::excerpt(inside))));
            }
        };
        found.push((line, tag));
        line += inside.matches('\n').count();
        rest = behind;
    }
    Ok(found)
}

fn environment(escape: AutoEscape) -> std::result::Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::empty();
    environment.set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(move |_| escape.clone());
    Ok(environment)
}

/// How values stand in what is filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain) enum Target {
    /// As they are.
    Text,
    /// With `<`, `&` and quotes written as characters.
    Html,
}

/// Fills a source that passed `check` in. Values are data: braces in them stay as they are.
pub(in crate::domain) fn fill(field: &str, source: &str, values: &BTreeMap<String, String>, into: Target) -> Result<String> {
    let escape = match into {
        Target::Text => AutoEscape::None,
        Target::Html => AutoEscape::Html,
    };
    let context = Value::from_pairs(values.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str()))));
    let filled = environment(escape).and_then(|environment| environment.render_str(&without_bare_lines(source), context));
    filled.map_err(|error| Error::conflict("template_failed", format!("{field} cannot be filled in: {}.", text::excerpt(&error.to_string()))))
}

/// A line that holds a condition alone leaves no empty line behind; one at the end of a line leaves the line break where it is.
fn without_bare_lines(source: &str) -> String {
    let is_bare = |line: &str| line.trim().strip_prefix("{%").and_then(|rest| rest.strip_suffix("%}")).is_some_and(|inside| !inside.contains("%}"));
    source.split_inclusive('\n').map(|line| if is_bare(line) { line.trim() } else { line }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::values::Type;
    use super::*;

    fn variables() -> Vec<Variable> {
        let variable = |name: &str, optional| Variable { name: name.into(), kind: Type::Text, optional, source: None };
        vec![variable("name", false), variable("plan", true)]
    }

    fn filled(source: &str, values: &[(&str, &str)], into: Target) -> Result<String> {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        fill("body", source, &values, into)
    }

    #[test]
    fn names_and_conditions_are_filled_in() {
        let source = "Hi {{ name }},\n{% if plan %}\nyou are on {{plan}}.\n{% else %}\nwhich plan?\n{% endif %}\nBye\n";
        assert!(check("body", source, &variables()).is_ok());
        let with = filled(source, &[("name", "Ann"), ("plan", "Team")], Target::Text).unwrap();
        assert_eq!(with, "Hi Ann,\nyou are on Team.\nBye\n");
        assert_eq!(filled(source, &[("name", "Ann")], Target::Text).unwrap(), "Hi Ann,\nwhich plan?\nBye\n");
        let within = "Hi{% if plan %}, {{ plan }}{% endif %}\nBye{%if plan%}\n";
        assert_eq!(filled(&within.replace("{%if plan%}", ""), &[("plan", "Team")], Target::Text).unwrap(), "Hi, Team\nBye\n");
    }

    #[test]
    fn nothing_but_the_language_is_taken() {
        for wrong in [
            "{{ 7*7 }}",
            "{{ name.x }}",
            "{{ name|upper }}",
            "{{ name() }}",
            "{{ env }}",
            "{{ 'a' * 1000000000 }}",
            "{{ name[0] }}",
            "{{}}",
            "{{ self }}",
            "{{ Name }}",
            "{{-name}}",
            "{{name+}}",
            "{# hidden #}",
            "{% for a in name %}{% endfor %}",
            "{% include 'x' %}",
            "{% import 'x' as y %}",
            "{% macro m() %}{% endmacro %}",
            "{% set x = 1 %}",
            "{% raw %}{% endraw %}",
            "{% extends 'x' %}",
            "{% call m() %}{% endcall %}",
            "{% block a %}{% endblock %}",
            "{% filter upper %}x{% endfilter %}",
            "{% do name %}",
            "{% if name == plan %}{% endif %}",
            "{% if name and plan %}{% endif %}",
            "{% if 1 %}{% endif %}",
            "{% if true %}{% endif %}",
            "{{ name",
            "{% if name %}",
            "{% endif %}",
            "{% else %}",
            "{%if name%}{%if name%}{%endif%}",
            "{{{ name }}}",
            "{{ {{ name }} }}",
            "{{ plan }}",
            "{% if not plan %}{{ plan }}{% endif %}",
            "{% if plan %}{% else %}{{ plan }}{% endif %}",
            "{{ other }}",
            "{% if name %}{% if name %}{% if name %}{% if name %}{% if name %}{% if name %}{% endif %}{% endif %}{% endif %}{% endif %}{% endif %}{% endif %}",
        ] {
            assert!(check("body", wrong, &variables()).is_err(), "{wrong}");
        }
        for right in [
            "",
            "{}",
            "{ name }",
            "}}",
            "%}",
            "{\"a\": {\"b\": 1}}",
            "{{ name }}",
            "{{name}}",
            "{%if plan%}{{ plan }}{%endif%}",
            "{% if not plan %}-{% else %}{{ plan }}{% endif %}",
            "100 %",
            "${name}",
            "<%= name %>",
            "#{name}",
        ] {
            assert_eq!(check("body", right, &variables()).map_err(|error| error.detail), Ok(()), "{right}");
        }
    }

    #[test]
    fn values_are_data() {
        let attacks = ["{{ 7*7 }}", "{% for a in b %}", "{{ name }}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "{{config}}", "{{''.__class__}}", "{# a #}"];
        for attack in attacks {
            assert_eq!(filled("{{ name }}", &[("name", attack)], Target::Text).unwrap(), attack);
        }
        let html = filled("<p title=\"{{ name }}\">{{ name }}</p>", &[("name", "\"><script>alert('x')&")], Target::Html).unwrap();
        assert!(!html.contains("<script") && !html.contains("\"><") && html.contains("&lt;script&gt;") && html.contains("&amp;"), "{html}");
    }

    #[test]
    fn what_is_missing_is_no_empty_text() {
        assert!(filled("Hi {{ name }}", &[], Target::Text).is_err());
    }

    #[test]
    fn the_longest_source_can_be_filled_in() {
        let source = "{{ name }} ".repeat(super::super::LONGEST_SOURCE / 11);
        assert!(check("body", &source, &variables()).is_ok());
        assert!(filled(&source, &[("name", "Ann")], Target::Html).is_ok());
        let conditions = "{%if plan%}{%endif%}".repeat(super::super::LONGEST_SOURCE / 20);
        assert!(check("body", &conditions, &variables()).is_ok() && filled(&conditions, &[], Target::Text).is_ok());
    }
}
