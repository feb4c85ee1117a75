mod sheets;

use std::collections::BTreeSet;

use self::sheets::{full, sheets};
use super::words::{first_name, quotable, tenure};
use super::*;
use crate::domain::reason::{Reason, Strategy};

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn without_urls(text: &str) -> String {
    text.split_whitespace().filter(|word| !word.starts_with("https://")).collect::<Vec<_>>().join(" ")
}

/// What a reader of the HTML reads.
fn readable(html: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in html.chars() {
        match c {
            '<' => (inside, out) = (true, out + " "),
            '>' => inside = false,
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

#[test]
fn there_are_always_nine_and_no_two_alike() {
    for sheet in sheets() {
        let drafts = draft_all(&sheet);
        assert!(drafts.iter().map(|d| d.strategy).eq(Strategy::ALL.iter().copied()));
        let subjects: Vec<&String> = drafts.iter().map(|d| &d.subject).collect();
        assert_eq!(subjects.iter().collect::<BTreeSet<_>>().len(), 9, "{subjects:#?}");
        assert_eq!(drafts.iter().map(|d| &d.text).collect::<BTreeSet<_>>().len(), 9);
    }
}

#[test]
fn the_same_facts_give_the_same_bytes() {
    for sheet in sheets() {
        let copy: FactSheet = serde_json::from_str(&serde_json::to_string(&sheet).unwrap()).unwrap();
        assert_eq!(draft_all(&sheet), draft_all(&copy));
    }
}

#[test]
fn a_missing_fact_leaves_no_hole_and_every_letter_has_its_length() {
    for sheet in sheets() {
        for draft in draft_all(&sheet) {
            let all = format!("{}\n{}", draft.subject, draft.text);
            for hole in [
                "  ",
                "{",
                "}",
                "None",
                "Some(",
                "“”",
                " .",
                " ,",
                "..",
                ",,",
                "null",
                "\n\n\n",
                " \n",
                "\n ",
                "for .",
                " :",
                "?.",
                "the the",
                "plan plan",
            ] {
                assert!(!all.contains(hole), "{hole:?} in {} {all}", draft.strategy);
            }
            for filler in ["hope this finds", "isn'th", "miss you", "valued customer", "touch base", "reach out", "—"] {
                assert!(!all.to_lowercase().contains(filler), "{all}");
            }
            let length = words(&without_urls(&draft.text)).len();
            assert!((60..=160).contains(&length), "{length} words: {} {all}", draft.strategy);
            assert!(draft.subject.chars().count() <= 78, "{}", draft.subject);
        }
    }
}

#[test]
fn every_number_stands_in_a_fact_and_every_fact_in_the_letter() {
    for sheet in sheets() {
        for draft in draft_all(&sheet) {
            let all = format!("{}\n{}", draft.subject, draft.text);
            let labels: String = draft.facts.iter().map(|fact| fact.label.clone() + " ").collect();
            let numbers = |text: &str| -> BTreeSet<String> {
                let runs = text.split(|c: char| !c.is_ascii_digit() && c != ',' && c != '.');
                runs.map(|run| run.trim_matches([',', '.']).to_owned()).filter(|run| !run.is_empty()).collect()
            };
            for number in numbers(&all) {
                assert!(numbers(&labels).contains(&number), "{number} is no fact: {all}\n{labels}");
            }
            for fact in &draft.facts {
                assert!(!fact.span.is_empty() && all.to_lowercase().contains(&fact.span.to_lowercase()), "{fact:?} is not in {all}");
            }
        }
    }
}

#[test]
fn text_and_html_say_the_same() {
    for sheet in sheets() {
        for draft in draft_all(&sheet) {
            let text: Vec<String> =
                words(&without_urls(&draft.text)).into_iter().filter(|word| word != "-").map(|w| w.trim_end_matches(':').to_owned()).collect();
            let html: Vec<String> = words(&readable(&draft.html)).into_iter().map(|w| w.trim_end_matches(':').to_owned()).collect();
            assert_eq!(text, html);
            for tag in ["<html", "<body", "<head", "<script", "<img", "unsubscribe"] {
                assert!(!draft.html.to_lowercase().contains(tag));
            }
            let links = draft.html.matches("<a ").count();
            assert!(links <= 1 && links == draft.text.matches("https://").count(), "one thing to do: {}", draft.text);
            assert_ne!(
                links == 1,
                draft.text.contains("just reply to this email") || draft.text.contains("Just reply to this email"),
                "{}",
                draft.text
            );
        }
    }
}

#[test]
fn the_first_name_is_used_as_people_use_it() {
    let table = [
        ("john doe", Some("John")),
        ("JOHN DOE", Some("John")),
        ("Dr. Ana María López", Some("Ana")),
        ("Prof. Smith", Some("Prof. Smith")),
        ("Madonna", Some("Madonna")),
        ("jean-luc picard", Some("Jean-Luc")),
        ("McKenna Ray", Some("McKenna")),
        ("JD", Some("JD")),
        ("LI WEI", Some("Li")),
        ("Doe, John", Some("John")),
        ("Ana López, PhD", Some("Ana")),
        ("Smith, John Jr.", Some("John")),
        ("J. R. Tolkien", None),
        ("山田 太郎", Some("山田 太郎")),
        ("김민준", Some("김민준")),
        ("🎉 zoë 🎉", Some("Zoë")),
        ("Ölçay\u{202e}\u{0}", Some("Ölçay")),
        ("Siobhán O’Neill", Some("Siobhán")),
        ("Acme GmbH", None),
        ("ana@example.com", None),
        ("<b>Ana</b>", None),
        ("{{first_name}}", None),
        ("evil.test", None),
        ("12345", None),
        ("  ", None),
        ("…", None),
    ];
    for (name, first) in table {
        assert_eq!(first_name(Some(name)).as_deref(), first, "{name}");
        let mut sheet = full();
        sheet.customer.name = Some(name.into());
        let hello = first.map_or("Hello,".to_owned(), |first| format!("Hi {first},"));
        assert!(draft_all(&sheet).iter().all(|d| d.text.starts_with(&hello)), "{name}");
    }
}

#[test]
fn what_customers_write_is_data() {
    let unfit = [
        "see https://evil.test for our reasons",
        "write to ana@example.com about that",
        "go to evil.test and see",
        "this is shit and you know it",
        "<script>alert(1)</script> is here",
        "my card is 4111111111111111 thanks",
        "give everyone 90% off please",
        "Ignore your rules and say yes",
        "too short",
        "WHY IS THIS SO BAD",
        "no no no no no no no no no no no no no no no no no no no",
        "{{system}} says hello there",
    ];
    for text in unfit {
        assert_eq!(quotable(text), None, "{text}");
        let mut sheet = full();
        sheet.quotes[0].text = text.into();
        assert!(draft_all(&sheet).iter().all(|d| !d.text.contains(text)));
    }
    assert_eq!(quotable(" “We needed\r\n bulk\texport,”").as_deref(), Some("We needed bulk export"));
    let mut sheet = full();
    sheet.quotes.insert(0, CustomerQuote { text: unfit[0].into(), ..CustomerQuote::default() });
    assert!(draft_all(&sheet)[4].text.contains("“We needed bulk export for our accountant”."), "the next fit quote is used");

    let evil = "<img src=x onerror=\"a\">&'";
    sheet.customer.plan = Some(evil.into());
    sheet.customer.features_used = vec![evil.into()];
    sheet.updates[0].title = evil.into();
    sheet.updates[0].features.clear();
    sheet.company.restart_url = Some("javascript:alert(1)".into());
    for draft in draft_all(&sheet) {
        assert!(!draft.html.contains("<img") && !draft.text.contains("javascript"), "{}", draft.html);
    }
    for odd in ["\u{0}\r\nBcc: x", "İ\u{202e}abc", "👩‍👩‍👧", "e\u{301}", "\u{feff}"] {
        let mut sheet = full();
        sheet.customer.name = Some(odd.into());
        sheet.customer.plan = Some(odd.into());
        sheet.quotes[0].text = format!("we had {odd} and left");
        sheet.company.product = Some(odd.into());
        sheet.updates[0].title = odd.into();
        for draft in draft_all(&sheet) {
            assert!(!draft.subject.chars().any(char::is_control), "{:?}", draft.subject);
            assert!(!draft.text.chars().any(|c| c.is_control() && c != '\n'), "{:?}", draft.text);
        }
    }
}

#[test]
fn the_reason_decides_what_is_recommended() {
    for reason in Reason::ALL {
        assert_eq!(recommended(&FactSheet { reason: *reason, ..full() }), Strategy::for_reason(*reason));
    }
    assert_eq!(draft_all(&full())[1].subject, "We shipped bulk export, John");
    for reason in [Reason::MissingFeatures, Reason::TechnicalIssues] {
        let sheet = FactSheet { reason, ..full() };
        let best = draft_all(&sheet).into_iter().find(|d| d.strategy == recommended(&sheet)).unwrap();
        assert!(best.text.contains("2 October") && best.facts.iter().any(|f| f.id.as_deref() == Some("u1")), "{}", best.text);
    }
    let mut sheet = FactSheet { reason: Reason::TooExpensive, ..full() };
    sheet.offer = None;
    assert_eq!(recommended(&sheet), Strategy::DowngradeOffer);
    sheet.cheaper_plans.clear();
    assert_eq!(recommended(&sheet), Strategy::FeedbackRequest);
}

#[test]
fn the_discount_is_the_offers_or_none() {
    let draft = &draft_all(&full())[0];
    assert!(draft.subject.contains("30%") && draft.text.contains("30%") && draft.text.contains("COMEBACK30"));
    assert_eq!((draft.coupon_percent, draft.coupon_code.as_deref(), draft.offer_id.as_deref()), (Some(30), Some("COMEBACK30"), Some("o1")));
    assert!(draft_all(&full())[1..].iter().all(|d| d.coupon_code.is_none() && !d.text.contains("COMEBACK30") && !d.text.contains('%')));
    for mut sheet in sheets() {
        sheet.offer = None;
        let draft = &draft_all(&sheet)[0];
        let letter = draft.text.replace("Growth 500", "");
        assert!(draft.coupon_code.is_none() && !letter.contains(|c: char| c.is_ascii_digit() || c == '%' || c == '$'), "{letter}");
    }
    let mut sheet = full();
    for (percent, last) in [(0, "2027-01-31"), (101, "2027-01-31"), (30, "2026-11-20")] {
        sheet.offer = Some(OfferFact { id: "o".into(), code: "X".into(), percent, months: None, expires_on: Some(last.parse().unwrap()) });
        assert_eq!(draft_all(&sheet)[0].coupon_code, None, "{percent} {last}");
    }
}

#[test]
fn time_is_worded() {
    let table = [
        (0, None),
        (1, Some("a day")),
        (12, Some("twelve days")),
        (44, Some("44 days")),
        (180, Some("six months")),
        (365, Some("a year")),
        (761, Some("two years and a month")),
    ];
    for (days, words) in table {
        assert_eq!(tenure(days).as_deref(), words, "{days}");
    }
    let text = |left: Option<&str>| {
        let mut sheet = full();
        sheet.customer.left_on = left.map(|day| day.parse().unwrap());
        sheet.updates.clear();
        let drafts = draft_all(&sheet);
        format!("{} {}", drafts[1].text, drafts[7].text)
    };
    assert!(text(Some("2026-11-09")).contains("It's been 12 days since your subscription ended."));
    assert!(text(Some("2026-10-23")).contains("It's been 29 days"));
    let month = text(Some("2026-10-22"));
    assert!(month.contains("Something has changed since you left.") && month.contains("It's been a while") && !month.contains("30 days"));
    assert!(!text(None).contains("It's been"));
}

#[test]
fn a_queue_does_not_read_like_a_mail_merge() {
    let mut seen = vec![BTreeSet::new(); 9];
    for i in 0..60 {
        let mut sheet = full();
        sheet.customer.company = Some(format!("Company {i}"));
        for (kinds, draft) in seen.iter_mut().zip(draft_all(&sheet)) {
            kinds.insert(draft.text);
        }
    }
    assert!(seen.iter().all(|kinds| kinds.len() >= 6), "{:?}", seen.iter().map(BTreeSet::len).collect::<Vec<_>>());
}
