//! Every stable code is documented, and every documented code is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

/// Where the first argument of an error is not the code itself, the file and the codes that come from there.
const ELSEWHERE: [(&str, &[(&str, &str)]); 6] = [
    ("src/domain/keys/mod.rs", &[("second_factor_needed", "422")]),
    ("src/api/hooks.rs", &[("webhook_signature", "401"), ("webhook_stale", "401")]),
    ("src/domain/email_address.rs", &[("address_invalid", "422"), ("domain_invalid", "422")]),
    ("src/domain/facts/record.rs", &[("fact_exists", "409"), ("offer_exists", "409")]),
    ("src/domain/vigilance/planting.rs", &[("test_unfit", "409")]),
    ("src/domain/churn/variants.rs", &[("email_not_configured", "500")]),
];

/// Codes that carry another status than their kind of error.
const STATUS: [(&str, &str); 5] =
    [("key_invalid", "401"), ("provider_unreachable", "503"), ("method_not_allowed", "405"), ("rate_limited", "429"), ("log_full", "503")];

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            found.push((name, text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()));
        }
    }
}

/// The codes in the sources with the statuses they are answered with.
fn in_sources() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = vec![];
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let call = Regex::new(r#"(?:Error|Self)::(invalid|bad_request|forbidden|conflict|new)\(\s*(?:Kind::(\w+),\s*)?([^,)]+),"#).unwrap();
    let code = Regex::new(r#"^"([a-z_0-9]+)"$"#).unwrap();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut odd = BTreeSet::new();
    for (name, text) in &files {
        for call in call.captures_iter(text) {
            let status = match (&call[1], call.get(2).map(|kind| kind.as_str())) {
                ("invalid", _) => "422",
                ("bad_request", _) => "400",
                ("forbidden", _) => "403",
                ("conflict", _) => "409",
                (_, Some("TooLarge")) => "413",
                (_, Some("NotFound")) => "404",
                (_, Some("Conflict")) => "409",
                (_, Some("Busy")) => "503",
                (_, Some("StorageFull")) => "507",
                (_, Some("Internal")) => "500",
                _ => continue,
            };
            match code.captures(call[3].trim()) {
                Some(code) => {
                    let status = STATUS.iter().find(|(known, _)| *known == &code[1]).map_or(status, |(_, status)| status);
                    found.entry(code[1].to_owned()).or_default().insert(status.to_owned());
                }
                None if name == "src/domain/error.rs" => {}
                None => {
                    odd.insert(name.clone());
                }
            }
        }
    }
    for (file, codes) in ELSEWHERE {
        odd.remove(file);
        let (_, text) = files.iter().find(|(name, _)| name == file).unwrap();
        let text = if file.ends_with("email_address.rs") { fs::read_to_string("src/email/address.rs").unwrap() } else { text.clone() };
        for (code, status) in codes {
            assert!(text.contains(&format!("\"{code}\"")), "{file} does not know {code} any more");
            found.entry((*code).to_owned()).or_default().insert((*status).to_owned());
        }
    }
    assert!(odd.is_empty(), "write the code of an error as a literal, or name it in ELSEWHERE: {odd:?}");
    found
}

/// The rows of a section of the documentation: code, statuses.
fn documented(heading: &str) -> BTreeMap<String, BTreeSet<String>> {
    let row = Regex::new(r"^\| `([a-z_0-9]+)` \| ([0-9, ]+) \| [^|]{8,} \|(?: [^|]{8,} \|)?$").unwrap();
    let text = fs::read_to_string("docs/API.md").unwrap();
    text.lines()
        .skip_while(|line| *line != heading)
        .skip(1)
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with("| `"))
        .map(|line| row.captures(line).unwrap_or_else(|| panic!("{line}")))
        .map(|row| (row[1].to_owned(), row[2].split(", ").map(|status| status.trim().to_owned()).collect()))
        .collect()
}

#[test]
fn every_code_is_documented_with_its_status_and_no_other_is() {
    let (calls, pages) = (documented("## Errors"), documented("### On pages only"));
    assert!(calls.keys().all(|code| !pages.contains_key(code)), "a code is in one table");
    let mut all = calls;
    all.extend(pages);
    let sources = in_sources();
    let differing: Vec<_> = sources
        .keys()
        .chain(all.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|code| sources.get(*code) != all.get(*code))
        .map(|code| format!("{code}: in the sources {:?}, documented {:?}", sources.get(code), all.get(code)))
        .collect();
    assert!(differing.is_empty(), "docs/API.md and the sources differ:\n{}", differing.join("\n"));
}
