//! The invariants of `docs/ARCHITECTURE.md`, checked against the sources.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, ending, found);
            } else if path.to_string_lossy().ends_with(ending) {
                found.push(path);
            }
        }
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![];
    walk(&top.join(folder), ending, &mut found);
    assert!(!found.is_empty(), "{folder} holds nothing that ends with {ending}");
    found.into_iter().map(|path| (path.strip_prefix(top).unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap())).collect()
}

fn nowhere(folder: &str, ending: &str, word: &str, except: &[&str]) {
    for (path, text) in files(folder, ending) {
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        assert!(except.contains(&path.as_str()) || !code.contains(word), "{path} must not contain {word}");
    }
}

#[test]
fn the_domain_knows_no_surface_and_no_smtp() {
    for word in ["actix", "askama", "lettre", "rmcp", "schemars", "crate::web", "crate::api", "crate::mcp", "crate::worker"] {
        nowhere("src/domain", ".rs", word, &[]);
    }
}

#[test]
fn surfaces_reach_no_sql() {
    for folder in ["src/web", "src/api", "src/mcp", "src/worker", "src/cli"] {
        nowhere(folder, ".rs", "schema::", &[]);
        nowhere(folder, ".rs", "diesel", &[]);
    }
}

/// MCP stands on the functions behind the REST calls, so that the two cannot differ;
/// otherwise no surface knows another.
#[test]
fn surfaces_know_each_other_only_where_mcp_stands_on_rest() {
    for (folder, others) in [
        ("src/api", &["crate::web", "crate::mcp", "crate::worker", "rmcp"][..]),
        ("src/web", &["crate::mcp", "crate::worker", "rmcp"]),
        ("src/mcp", &["crate::web", "crate::worker"]),
        ("src/worker", &["crate::web", "crate::api", "crate::mcp", "rmcp"]),
    ] {
        for other in others {
            nowhere(folder, ".rs", other, &[]);
        }
    }
    for (path, text) in files("src/web", ".rs") {
        let text = text.replace("crate::api::status", "").replace("crate::api::openapi", "");
        assert!(!text.contains("crate::api"), "{path} may know of REST only its description and the status of an error");
    }
}

#[test]
fn time_and_chance_have_one_source() {
    nowhere("src", ".rs", "Timestamp::now", &["src/clock.rs"]);
    nowhere("src", ".rs", "SystemTime::now", &["src/clock.rs"]);
    nowhere("src", ".rs", "now_v7", &["src/domain/ids.rs"]);
}

#[test]
fn mail_leaves_only_from_the_worker() {
    for folder in ["src/web", "src/api", "src/mcp", "src/domain"] {
        nowhere(folder, ".rs", ".connect()", &[]);
        nowhere(folder, ".rs", "reach_dot", &["src/domain/outbox/mod.rs", "src/domain/outbox/dot.rs"]);
        nowhere(folder, ".rs", "permit_dot", &["src/domain/notices/mails/mod.rs"]);
    }
}

/// A notice and a message have permissions of their own, each made in one file.
#[test]
fn the_two_permissions_to_write_a_final_dot_are_made_in_one_place_each() {
    nowhere("src", ".rs", "AtDot {", &["src/domain/outbox/dot.rs"]);
    nowhere("src", ".rs", "NoticeDot {", &["src/domain/notices/mails/mod.rs"]);
    nowhere("src", ".rs", "ClaimedNotice {", &["src/domain/notices/mails/mod.rs"]);
    nowhere("src", ".rs", "write_dot_then(", &["src/email/connection.rs", "src/email/tests/send.rs"]);
    nowhere("src", ".rs", "write_dot(", &["src/email/connection.rs", "src/email/notice.rs", "src/email/tests/send.rs"]);
}

#[test]
fn templates_escape_everything_and_run_nothing_inline() {
    for word in ["|safe", "| safe", "style=\"", "<style", "onclick", "javascript:"] {
        nowhere("templates", ".html", word, &[]);
    }
    for (path, text) in files("templates", ".html") {
        assert!(!text.replace("<script src=", "").contains("<script"), "{path} has an inline script");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| -> BTreeSet<String> {
        files(folder, ".sql").into_iter().map(|(path, _)| path.strip_prefix(folder).unwrap().to_owned()).collect()
    };
    assert_eq!(names("migrations/sqlite"), names("migrations/postgres"));
}
