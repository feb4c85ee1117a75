//! What DNS records mean for mail from a domain, in words. Pure.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::text_enum;

/// What DNS says of a name: its texts, none, or why nobody answered.
pub type Answer = Result<Vec<String>, String>;

text_enum!(
    /// How a part stands.
    pub enum Standing {
        /// As it should be.
        Good => "good",
        /// It works, and could be better.
        Warn => "warn",
        /// It has to be mended.
        Bad => "bad",
        /// Nobody answered.
        Unknown => "unknown",
    }
);

/// What was found about one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// spf, dkim, dmarc or ptr.
    pub part: String,
    /// How it stands.
    pub standing: Standing,
    /// What was found and what to do, in sentences.
    pub words: String,
}

/// A DKIM key of ours and what DNS has at its name.
#[derive(Debug, Clone)]
pub struct Published {
    /// The name of the record.
    pub name: String,
    /// The record that should be there.
    pub record: String,
    /// What is there.
    pub found: Answer,
}

/// The server that mail is handed to.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Its name.
    pub host: String,
    /// One of its addresses.
    pub address: Option<IpAddr>,
    /// The names of that address.
    pub names: Answer,
    /// Whether one of the names leads back to the address.
    pub confirmed: bool,
}

/// All that was seen of a domain.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The domain of From.
    pub domain: String,
    /// The texts at the domain.
    pub spf: Answer,
    /// The keys of this server.
    pub dkim: Vec<Published>,
    /// The texts at each name of the walk, in its order.
    pub dmarc: Vec<(String, Answer)>,
    /// The relay; none where mail goes to a file or to this machine.
    pub relay: Option<Relay>,
}

/// The names at which a DMARC record is looked for, from the domain up (RFC 9989 §4.10): at most eight.
pub fn walk(domain: &str) -> Vec<String> {
    let labels: Vec<&str> = domain.trim_end_matches('.').split('.').collect();
    let mut from: Vec<usize> = vec![0];
    // Of a name with more than eight labels the walk goes on with its last seven.
    let next = if labels.len() > 8 { labels.len() - 7 } else { 1 };
    from.extend(next..labels.len());
    from.into_iter().map(|start| format!("_dmarc.{}", labels[start..].join("."))).collect()
}

/// What the records mean, and whether anything speaks for the domain: none where nobody answered.
pub fn judge(seen: &Seen) -> (Vec<Finding>, Option<bool>) {
    let mut findings = vec![spf(seen)];
    findings.extend(dkim(seen));
    findings.push(dmarc(seen));
    findings.extend(seen.relay.as_ref().map(ptr));
    let any = |part: &str, fits: &dyn Fn(Standing) -> bool| findings.iter().any(|finding| finding.part == part && fits(finding.standing));
    let aligned =
        if any("dkim", &|standing| standing == Standing::Good) || any("spf", &|standing| matches!(standing, Standing::Good | Standing::Warn)) {
            Some(true)
        } else if any("dkim", &|standing| standing == Standing::Unknown) || any("spf", &|standing| standing == Standing::Unknown) {
            None
        } else {
            Some(false)
        };
    (findings, aligned)
}

fn finding(part: &str, standing: Standing, words: impl Into<String>) -> Finding {
    Finding { part: part.to_owned(), standing, words: words.into() }
}

fn silent(part: &str, why: &str) -> Finding {
    finding(part, Standing::Unknown, format!("DNS gave no answer, so nothing is known: {why}. Look again later."))
}

fn spf(seen: &Seen) -> Finding {
    let texts = match &seen.spf {
        Ok(texts) => texts,
        Err(why) => return silent("spf", why),
    };
    let records: Vec<&String> = texts.iter().filter(|text| text.to_ascii_lowercase().split_whitespace().next() == Some("v=spf1")).collect();
    let record = match records.as_slice() {
        [] => {
            let words = format!(
                "{} has no SPF record. Publish a TXT record there that names your relay, such as v=spf1 include:_spf.your-relay.example -all.",
                seen.domain
            );
            return finding("spf", Standing::Bad, words);
        }
        [one] => one.to_ascii_lowercase(),
        several => {
            let words = format!("{} has {} SPF records, and receivers take none of several. Put them together into one.", seen.domain, several.len());
            return finding("spf", Standing::Bad, words);
        }
    };
    let terms: Vec<&str> = record.split_whitespace().skip(1).collect();
    let asks = |term: &&&str| {
        let bare = term.trim_start_matches(['+', '-', '~', '?']);
        let named = |name: &str| bare == name || bare.starts_with(&format!("{name}:")) || bare.starts_with(&format!("{name}/"));
        bare.starts_with("include:") || bare.starts_with("exists:") || bare.starts_with("redirect=") || named("a") || named("mx") || named("ptr")
    };
    let lookups = terms.iter().filter(asks).count();
    if terms.iter().any(|term| matches!(*term, "all" | "+all")) {
        return finding("spf", Standing::Bad, "The SPF record lets every server in the world send for the domain. End it with -all or ~all.");
    }
    if lookups > 10 {
        let words = format!("The SPF record makes receivers ask DNS {lookups} times, and they stop at 10 (RFC 7208 §4.6.4). Take some out.");
        return finding("spf", Standing::Bad, words);
    }
    if terms.iter().any(|term| matches!(*term, "-all" | "~all") || term.starts_with("redirect=")) {
        return finding("spf", Standing::Good, format!("One SPF record, which names who may send: {record}. See that your relay is in it."));
    }
    finding("spf", Standing::Warn, "The SPF record does not say what holds for all other servers. End it with -all or ~all.")
}

fn dkim(seen: &Seen) -> Vec<Finding> {
    if seen.dkim.is_empty() {
        let words = "This server has no DKIM key for the domain, so it does not sign. Make one below, or see that your relay signs for this domain and covers \
            List-Unsubscribe and List-Unsubscribe-Post.";
        return vec![finding("dkim", Standing::Warn, words)];
    }
    let key_of = |record: &str| {
        let bare: String = record.split_whitespace().collect();
        bare.split(';').find_map(|tag| tag.strip_prefix("p=").map(str::to_owned))
    };
    let one = |key: &Published| {
        let texts = match &key.found {
            Ok(texts) => texts,
            Err(why) => return silent("dkim", why),
        };
        if texts.iter().any(|text| key_of(text).is_some() && key_of(text) == key_of(&key.record)) {
            return finding("dkim", Standing::Good, format!("The key at {} is published and is ours.", key.name));
        }
        let words = match texts.is_empty() {
            true => format!("The key is not published. Add a TXT record {} with: {}", key.name, key.record),
            false => format!("Another key is published at {}; signatures of this server fail there. Set the TXT record to: {}", key.name, key.record),
        };
        finding("dkim", Standing::Bad, words)
    };
    seen.dkim.iter().map(one).collect()
}

fn dmarc(seen: &Seen) -> Finding {
    for (name, answer) in &seen.dmarc {
        let texts = match answer {
            Ok(texts) => texts,
            Err(why) => return silent("dmarc", why),
        };
        let records: Vec<&String> = texts.iter().filter(|text| text.replace(' ', "").to_ascii_lowercase().starts_with("v=dmarc1")).collect();
        let record = match records.as_slice() {
            [] => continue,
            [one] => one.replace(' ', "").to_ascii_lowercase(),
            several => {
                let words = format!("{name} has {} DMARC records, and receivers take none of several. Keep one.", several.len());
                return finding("dmarc", Standing::Bad, words);
            }
        };
        let tag = |name: &str| record.split(';').find_map(|tag| tag.strip_prefix(&format!("{name}=")).map(str::to_owned));
        let above = name != &format!("_dmarc.{}", seen.domain);
        let policy = if above { tag("sp").or_else(|| tag("p")) } else { tag("p") };
        let whose = if above { format!(" It is that of {}.", name.trim_start_matches("_dmarc.")) } else { String::new() };
        return match policy.as_deref() {
            Some("reject" | "quarantine") => {
                finding("dmarc", Standing::Good, format!("A DMARC record protects the domain from others: {}.{whose}", policy.unwrap_or_default()))
            }
            Some("none") => finding(
                "dmarc",
                Standing::Warn,
                format!("The DMARC record only watches (p=none). Once its reports are clean, ask for quarantine or reject.{whose}"),
            ),
            _ => finding(
                "dmarc",
                Standing::Warn,
                format!("The DMARC record at {name} has no policy that receivers know. Add p=none, p=quarantine or p=reject."),
            ),
        };
    }
    let words = format!(
        "No DMARC record speaks for {}. Gmail, Yahoo and Microsoft ask for one from 5,000 messages a day. Publish at _dmarc.{}: v=DMARC1; p=none; rua=mailto:you@{}",
        seen.domain, seen.domain, seen.domain
    );
    finding("dmarc", Standing::Warn, words)
}

fn ptr(relay: &Relay) -> Finding {
    let Some(address) = relay.address else {
        return finding("ptr", Standing::Unknown, format!("{} has no address in DNS, so nothing can be said of its reverse name.", relay.host));
    };
    match &relay.names {
        Err(why) => silent("ptr", why),
        Ok(names) if names.is_empty() => finding(
            "ptr",
            Standing::Warn,
            format!("The address {address} of your relay has no reverse name. If it delivers to other servers itself, ask its provider for one."),
        ),
        Ok(names) if relay.confirmed => finding("ptr", Standing::Good, format!("{address} is called {}, and that name leads back to it.", names[0])),
        Ok(names) => finding(
            "ptr",
            Standing::Warn,
            format!("{address} is called {}, and that name does not lead back to it. Receivers trust only names that do.", names[0]),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine() -> Seen {
        let record = "v=DKIM1; k=ed25519; p=AAAA".to_owned();
        Seen {
            domain: "mail.example.com".into(),
            spf: Ok(vec!["other=1".into(), "v=spf1 include:_spf.relay.test -all".into()]),
            dkim: vec![Published { name: "s1._domainkey.mail.example.com".into(), record: record.clone(), found: Ok(vec![record]) }],
            dmarc: vec![
                ("_dmarc.mail.example.com".into(), Ok(vec![])),
                ("_dmarc.example.com".into(), Ok(vec!["v=DMARC1; p=reject; sp=quarantine".into()])),
            ],
            relay: Some(Relay {
                host: "smtp.relay.test".into(),
                address: Some("192.0.2.1".parse().unwrap()),
                names: Ok(vec!["smtp.relay.test".into()]),
                confirmed: true,
            }),
        }
    }

    /// What a change of the records says of this part, and whether something speaks for the domain.
    fn says(part: &str, change: impl FnOnce(&mut Seen)) -> (Standing, Option<bool>) {
        let mut seen = fine();
        change(&mut seen);
        let (findings, aligned) = judge(&seen);
        (findings.iter().find(|finding| finding.part == part).unwrap().standing, aligned)
    }

    #[test]
    fn what_is_right_is_called_good() {
        let (findings, aligned) = judge(&fine());
        assert!(findings.iter().all(|finding| finding.standing == Standing::Good), "{findings:?}");
        assert_eq!(aligned, Some(true));
    }

    #[test]
    fn each_mistake_is_found() {
        use Standing::{Bad, Good, Unknown, Warn};
        let spf = |text: &str| says("spf", |seen| seen.spf = Ok(vec![text.to_owned()])).0;
        assert_eq!(spf("v=spf1 +all"), Bad);
        assert_eq!(spf("v=spf1 a mx"), Warn);
        assert_eq!(spf("v=spf1 a mx ~all"), Good);
        assert_eq!(spf("v=spf1 redirect=_spf.relay.test"), Good);
        assert_eq!(spf(&format!("v=spf1 {}-all", "include:x.test ".repeat(11))), Bad);
        assert_eq!(spf("v=spf10 -all"), Bad);
        assert_eq!(says("spf", |seen| seen.spf = Ok(vec!["v=spf1 -all".into(), "v=spf1 ~all".into()])).0, Bad);
        assert_eq!(says("spf", |seen| seen.spf = Err("timed out".into())), (Unknown, Some(true)));
        assert_eq!(says("dkim", |seen| seen.dkim[0].found = Ok(vec![])), (Bad, Some(true)));
        assert_eq!(says("dkim", |seen| seen.dkim[0].found = Ok(vec!["v=DKIM1; p=BBBB".into()])).0, Bad);
        assert_eq!(says("dkim", |seen| seen.dkim[0].found = Ok(vec!["v=DKIM1;k=ed25519; p=AA AA".into()])).0, Good);
        assert_eq!(says("dkim", |seen| seen.dkim.clear()).0, Warn);
        assert_eq!(says("dmarc", |seen| seen.dmarc[0].1 = Ok(vec!["v=DMARC1; p=none".into()])).0, Warn);
        assert_eq!(says("dmarc", |seen| seen.dmarc[1].1 = Ok(vec![])).0, Warn);
        assert_eq!(says("dmarc", |seen| seen.dmarc[0].1 = Ok(vec!["v=DMARC1; p=none".into(), "v=DMARC1; p=reject".into()])).0, Bad);
        assert_eq!(says("ptr", |seen| seen.relay.as_mut().unwrap().confirmed = false).0, Warn);
        assert_eq!(says("ptr", |seen| seen.relay.as_mut().unwrap().names = Ok(vec![])).0, Warn);
    }

    /// L-25: aligned by DKIM or by SPF; by neither, it is not; where nobody answers, nothing is known.
    #[test]
    fn something_must_speak_for_the_domain() {
        let neither = |seen: &mut Seen| {
            seen.spf = Ok(vec![]);
            seen.dkim[0].found = Ok(vec![]);
        };
        assert_eq!(says("spf", neither).1, Some(false));
        assert_eq!(says("spf", |seen| seen.spf = Ok(vec![])).1, Some(true));
        assert_eq!(says("spf", |seen| (neither(seen), seen.spf = Err("timed out".into())).1).1, None);
        assert_eq!(says("spf", |seen| (neither(seen), seen.dkim.clear()).1).1, Some(false));
    }

    #[test]
    fn the_walk_goes_up_and_is_short() {
        assert_eq!(walk("a.mail.example.com"), ["_dmarc.a.mail.example.com", "_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com"]);
        let long = walk("a.b.c.d.e.f.g.h.i.j.mail.example.com");
        assert_eq!((long.len(), long[1].as_str()), (8, "_dmarc.g.h.i.j.mail.example.com"));
    }
}
