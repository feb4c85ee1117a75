use proptest::prelude::*;

use super::address;
use crate::email::EmailAddress;
use crate::email::address::{clean_display_name, parse_list};

fn refused(text: &str) -> (&'static str, String) {
    let error = EmailAddress::parse(text).unwrap_err();
    (error.code(), error.detail().to_owned())
}

#[test]
fn spellings_of_one_address_compare_equal_and_keep_their_form() {
    let given = address(" Ána@BÜCHER.example ");
    assert_eq!(given.as_given(), "Ána@BÜCHER.example");
    assert_eq!(given.normalised(), "ána@xn--bcher-kva.example");
    assert_eq!(given.on_the_wire(), "Ána@xn--bcher-kva.example");
    assert!(given.needs_smtputf8());
    // The same letters decomposed, and the domain already encoded.
    assert_eq!(address("ÁNA@xn--BCHER-kva.Example"), given);
    assert_eq!(address("ana@EXAMPLE.com").normalised(), "ana@example.com");
    assert!(!address("ana@bücher.example").needs_smtputf8());
    assert_ne!(address("ana@example.com"), address("ana+x@example.com"));
    assert_eq!(address("a@ex。example").domain(), "ex.example");
}

#[test]
fn every_refusal_says_why() {
    let long_local = format!("{}@example.com", "a".repeat(65));
    let long_label = format!("a@{}.com", "b".repeat(64));
    let long_domain = format!("a@{}com", "b".repeat(49).to_string().add_dots(5));
    let long_all = format!("{}@{}com", "a".repeat(64), "b".repeat(47).add_dots(4));
    for (text, reason) in [
        ("", "there is no @ in it"),
        ("ana", "there is no @ in it"),
        ("@example.com", "the part before @ is empty"),
        ("a@", "there is nothing after the @"),
        ("a@b@example.com", "there is more than one @ in it"),
        ("-oQ/tmp@example.com", "the part before @ starts with \"-\""),
        ("a@example.com.", "the domain ends with a dot"),
        ("a@example.com。", "the domain ends with a dot"),
        ("a@localhost", "the domain has no dot"),
        ("a@b..com", "the domain has an empty part"),
        ("a@.com", "the domain has an empty part"),
        ("a@[127.0.0.1]", "the domain is a network address, not a name"),
        ("a@[IPv6:::1]", "the domain is a network address, not a name"),
        ("a@127.0.0.1", "the domain is a network address, not a name"),
        ("a@1.2", "the domain is a number, not a name"),
        ("a@-b.com", "a part of the domain starts or ends with \"-\""),
        ("a@b-.com", "a part of the domain starts or ends with \"-\""),
        ("a@b_c.com", "the domain holds \"_\""),
        ("a@b c.com", "the domain holds \" \""),
        ("a@b.com>", "the domain holds \">\""),
        ("a@b.com(x)", "the domain holds \"(\""),
        ("\"a b\"@example.com", "the part before @ is quoted"),
        ("(x)a@example.com", "the part before @ holds \"(\""),
        ("Ana <a@example.com", "the part before @ holds U+0020"),
        ("a b@example.com", "the part before @ holds U+0020"),
        ("a\u{a0}b@example.com", "the part before @ holds U+00A0"),
        ("a\u{202e}b@example.com", "the part before @ holds U+202E"),
        (".a@example.com", "the part before @ starts with a dot"),
        ("a.@example.com", "the part before @ ends with a dot"),
        ("a..b@example.com", "the part before @ has two dots in a row"),
        ("a@example.com\r\nBcc: b@example.com", "it holds the control character U+000D"),
        ("a@example.com\n", "it holds the control character U+000A"),
        ("a\0@example.com", "it holds the control character U+0000"),
        (&long_local, "the part before @ is longer than 64 octets"),
        (&long_label, "a part of the domain is longer than 63 octets"),
        (&long_domain, "it is longer than 254 octets"),
        (&long_all, "it is longer than 254 octets"),
    ] {
        let (code, detail) = refused(text);
        assert_eq!(code, "address_invalid", "{text:?}");
        assert!(detail.ends_with(&format!(" is not an address this server can send to: {reason}.")), "{text:?}: {detail}");
        assert!(!detail.contains(char::is_control), "{text:?}");
    }
    assert_eq!(
        refused("-oQ/tmp@example.com").1,
        "\"-oQ/tmp@example.com\" is not an address this server can send to: the part before @ starts with \"-\"."
    );
    let (code, detail) = refused(&format!("a@{}.example", "é".repeat(80)));
    assert_eq!(code, "domain_invalid");
    assert!(detail.chars().count() < 200);
    for domain in ["xn--a.example", "xn--example-.org", "a\u{301}\u{200d}b.example", "\u{378}a.example"] {
        let (code, detail) = refused(&format!("a@{domain}"));
        assert_eq!(code, "domain_invalid", "{domain}");
        assert!(detail.contains(" is not a valid international domain name: "), "{detail}");
    }
}

trait AddDots {
    fn add_dots(&self, times: usize) -> String;
}

impl AddDots for str {
    fn add_dots(&self, times: usize) -> String {
        format!("{self}.").repeat(times)
    }
}

#[test]
fn a_list_keeps_order_and_drops_repeats() {
    let list = parse_list("b@example.com, A@example.com;\r\n a@EXAMPLE.com ,,\n").unwrap();
    let given: Vec<_> = list.iter().map(EmailAddress::as_given).collect();
    assert_eq!(given, ["b@example.com", "A@example.com"]);
    assert!(parse_list("a@example.com, nobody").unwrap_err().detail().contains("\"nobody\""));
    assert!(parse_list(" ;\n").unwrap().is_empty());
}

#[test]
fn names_that_could_deceive_are_refused() {
    assert_eq!(clean_display_name("  Ana \"A\" Žižka, Ltd. ").unwrap(), "Ana \"A\" Žižka, Ltd.");
    for name in ["a\r\nBcc: x", "a\nb", "a\0", "a\tb", "a\u{85}b", "a\u{202e}b", "=?utf-8?q?x?="] {
        assert!(clean_display_name(name).is_err(), "{name:?}");
    }
    assert!(clean_display_name(&"x".repeat(201)).is_err());
}

proptest! {
    #[test]
    fn what_is_accepted_is_clean_and_lettre_takes_it(text in "[\\PC\\x00-\\x20@.\\-a-z]{0,12}@[a-zA-Zé日\\-.。_ ]{0,8}\\.(com|例え)") {
        if let Ok(found) = EmailAddress::parse(&text) {
            let wire: lettre::Address = found.on_the_wire().parse().unwrap();
            prop_assert_eq!(wire.to_string(), found.on_the_wire());
            prop_assert!(found.as_given().parse::<lettre::Address>().is_ok());
            prop_assert!(!found.on_the_wire().contains(|c: char| c.is_control() || c == ' ' || c == '<' || c == '>'));
            prop_assert!(found.domain().is_ascii() && found.on_the_wire().len() <= 254);
            let again = EmailAddress::parse(found.normalised()).unwrap();
            prop_assert_eq!(again.normalised(), found.normalised());
        }
    }
}
