//! An OpenAPI file as a value: JSON or YAML. Pure. What is made to take for ever or all memory, by depth, by size or by aliases
//! that name one another, is refused while it is read.

use serde_json::Value;
use serde_saphyr::{Error as YamlError, Options};

use crate::domain::error::{Error, Result};
use crate::domain::text;

/// Largest file, in bytes.
pub const LARGEST: usize = 5 * 1024 * 1024;
/// How deep a YAML file may be; serde_json stops at 128.
const DEEPEST: usize = 64;
/// Values in a YAML file.
const MOST_VALUES: usize = 1_000_000;
/// Parts of a YAML file that aliases may repeat.
const MOST_REPEATED: usize = 200_000;

/// Reads an OpenAPI file. What begins with a brace or a bracket is JSON, everything else YAML.
pub fn read(field: &str, bytes: &[u8]) -> Result<Value> {
    if bytes.len() > LARGEST {
        return Err(Error::too_large(field, LARGEST));
    }
    let is_json = bytes.trim_ascii_start().first().is_some_and(|first| matches!(first, b'{' | b'['));
    let value = if is_json { json(field, bytes)? } else { yaml(field, bytes)? };
    check(field, &value)?;
    Ok(value)
}

fn json(field: &str, bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(bytes).map_err(|error| {
        let at = format!("{field} is not valid JSON at line {}, column {}.", error.line(), error.column());
        Error::invalid("openapi_invalid", field, format!("{at} Mend the file there and give it again."))
    })
}

fn yaml(field: &str, bytes: &[u8]) -> Result<Value> {
    let refused = |detail: String| Error::invalid("openapi_invalid", field, detail);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&byte| byte == b'\n').count() + 1;
        refused(format!("{field} is not UTF-8 text at line {line}. Save the file as UTF-8 and give it again."))
    })?;
    serde_saphyr::from_str_with_options(text, limits()).map_err(|error| {
        let at = error.location().map(|at| format!(" at line {}, column {}", at.line(), at.column())).unwrap_or_default();
        refused(if is_beyond(&error) {
            let most = format!("one document of {DEEPEST} levels and {MOST_VALUES} values, {MOST_REPEATED} repeated by aliases");
            format!("{field} goes beyond what is read{at}: {most}. Make it smaller.")
        } else {
            format!("{field} is not valid YAML{at}. Mend the file there and give it again.")
        })
    })
}

fn is_beyond(error: &YamlError) -> bool {
    match error.without_snippet() {
        YamlError::AliasError { error, .. } => is_beyond(error),
        YamlError::Budget { .. } | YamlError::AliasReplayLimitExceeded { .. } | YamlError::AliasReplayStackDepthExceeded { .. } => true,
        _ => false,
    }
}

fn limits() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEEPEST,
            flow_nesting_limit: DEEPEST,
            max_events: 2 * MOST_VALUES,
            max_nodes: MOST_VALUES,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MOST_REPEATED, max_replay_stack_depth: 16 },
        // YAML 1.2: yes and no are words.
        strict_booleans: true,
    }
}

/// Refuses what is no OpenAPI 3 description.
pub fn check(field: &str, value: &Value) -> Result<()> {
    // In YAML, a version without quotes and with one dot is a number.
    let version = match &value["openapi"] {
        Value::String(version) => version.clone(),
        Value::Number(version) => version.to_string(),
        _ => String::new(),
    };
    if version.starts_with("3.") && value["paths"].is_object() {
        return Ok(());
    }
    let got = match (version.as_str(), value["swagger"].as_str()) {
        ("", Some(version)) => format!("Swagger {}", text::excerpt(version)),
        ("", None) => "neither".to_owned(),
        (version, _) => format!("OpenAPI {} without paths", text::excerpt(version)),
    };
    let detail = format!("{field} must be an OpenAPI 3 description with \"openapi\" and \"paths\"; got {got}.");
    Err(Error::invalid("openapi_invalid", field, detail).with_hint("Convert a Swagger 2 file to OpenAPI 3 first."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHOP: &str = "# The shop\nopenapi: 3.0.3\ninfo: {title: Shop, version: '1.4'}\npaths:\n  /orders/{id}:\n    get:\n      responses:\n        200:\n          \
                        description: |\n            One order.\n            Always.\n          content: &json\n            application/json: {schema: {type: string, nullable: no}}\n        \
                        '404': {content: *json}\n";

    fn refusal(text: &str) -> String {
        let error = read("old", text.as_bytes()).unwrap_err();
        assert_eq!((error.code, error.field.as_deref()), ("openapi_invalid", Some("old")));
        error.detail
    }

    #[test]
    fn yaml_and_json_say_the_same() {
        let content = json!({"application/json": {"schema": {"type": "string", "nullable": "no"}}});
        let same = json!({"openapi": "3.0.3", "info": {"title": "Shop", "version": "1.4"}, "paths": {"/orders/{id}": {"get": {"responses": {
            "200": {"description": "One order.\nAlways.\n", "content": content}, "404": {"content": content}}}}}});
        assert_eq!(read("old", SHOP.as_bytes()).unwrap(), same);
        assert_eq!(read("old", same.to_string().as_bytes()).unwrap(), same);
        assert_eq!(read("old", format!("\u{feff}{SHOP}").as_bytes()).unwrap(), same, "with a byte order mark");
        assert!(read("old", b"openapi: 3.1\npaths: {}\n").is_ok(), "a version that is a number");
    }

    #[test]
    fn what_is_no_openapi_file_is_refused_in_words() {
        for (text, said) in [
            (r#"{"openapi": "3.0.0","#, "not valid JSON at line 1, column 20"),
            ("openapi: 3.0.0\npaths:\n  /a: {\n", "not valid YAML at line"),
            ("openapi: 3.0.0\npaths:\n\t/a: b\n", "not valid YAML at line 3"),
            ("openapi: 3.0.0\nopenapi: 3.0.0\n", "not valid YAML at line 2"),
            ("openapi: 3.0.0\n---\npaths: {}\n", "old"),
            (r#"{"swagger": "2.0", "paths": {}}"#, "got Swagger 2.0"),
            ("openapi: 3.0.0", "without paths"),
            ("just words", "got neither"),
            ("", "old"),
            ("[]", "got neither"),
        ] {
            let detail = refusal(text);
            assert!(detail.contains(said), "{text}: {detail}");
        }
        assert!(read("old", b"openapi: 3.0.0\n\xff").unwrap_err().detail.contains("not UTF-8 text at line 2"));
        assert_eq!(read("old", &vec![b' '; LARGEST + 1]).unwrap_err().code, "body_too_large");
    }

    #[test]
    fn files_that_are_made_to_burst_are_refused() {
        let nested = |open: &str, close: &str| format!("{}{}", open.repeat(500), close.repeat(500));
        assert!(read("old", format!("{{\"openapi\": \"3.0.0\", \"paths\": {}}}", nested("[", "]")).as_bytes()).is_err());
        assert!(refusal(&format!("openapi: 3.0.0\npaths: {}", nested("[", "]"))).contains("old"));
        let levels: String = (0..500).map(|level| format!("{}a:\n", " ".repeat(level + 1))).collect();
        assert!(refusal(&format!("openapi: 3.0.0\npaths:\n{levels}")).contains("beyond what is read"));
        // Nine lines that would be a billion values.
        let mut bomb = "openapi: 3.0.0\na: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (before, name) in ('a'..'i').zip('b'..='i') {
            bomb += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(","));
        }
        let begun = std::time::Instant::now();
        assert!(refusal(&format!("{bomb}paths: {{}}\n")).contains("beyond what is read"));
        assert!(begun.elapsed().as_secs() < 20, "it took {:?}", begun.elapsed());
        assert!(refusal("openapi: 3.0.0\na: &a [*a]\npaths: {}\n").contains("not valid YAML"));
    }
}
