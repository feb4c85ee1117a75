//! What a message may fetch while it is previewed, and what the page offers.

use crate::domain::messages::inspect::RemoteImages;

/// The policy of the frame a message is shown in: nothing runs, and pictures come from elsewhere only where somebody asked.
pub fn policy(images: bool) -> &'static str {
    if images {
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src https: data:; frame-ancestors 'self'"
    } else {
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
    }
}

/// "Show 3 remote images from cdn.example.com", where there are any.
pub fn offer(images: &RemoteImages) -> Option<String> {
    let many = match images.count {
        0 => return None,
        1 => "1 remote image".to_owned(),
        count => format!("{count} remote images"),
    };
    let from = match images.hosts.as_slice() {
        [one] => one.clone(),
        [one, other] => format!("{one} and {other}"),
        [one, rest @ ..] => format!("{one} and {} other hosts", rest.len()),
        [] => return None,
    };
    Some(format!("Show {many} from {from}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::messages::inspect::{Finding, Kind, Place};

    #[test]
    fn pictures_come_from_elsewhere_only_where_somebody_asked() {
        assert!(policy(true).contains("img-src https: data:"));
        assert!(!policy(false).contains("https:"));
        for images in [true, false] {
            assert!(policy(images).starts_with("sandbox; default-src 'none'"));
        }
    }

    #[derive(askama::Template)]
    #[template(path = "messages/_findings.html")]
    struct Findings {
        findings: Vec<Finding>,
    }

    impl Findings {
        fn can_tick(&self) -> bool {
            true
        }
    }

    #[test]
    fn a_finding_that_needs_a_tick_has_a_box_of_the_approval_and_its_words_are_inert() {
        let finding = |kind| Finding { key: format!("key-{kind}"), kind, places: vec![Place::Html], words: "<b>bank</b>".into(), why: "Why.".into() };
        let findings = vec![finding(Kind::LinkText), finding(Kind::RemoteImages)];
        let html = askama::Template::render(&Findings { findings }).unwrap_or_default();
        assert!(html.contains("name=\"ticked\" value=\"key-link_text\" form=\"approve\"") && !html.contains("key-remote_images"), "{html}");
        assert!(html.contains("Remote images") && html.contains("in the HTML") && !html.contains("<b>bank"), "{html}");
    }

    #[test]
    fn the_offer_says_how_many_and_from_where() {
        let images = |count, hosts: &[&str]| RemoteImages { count, hosts: hosts.iter().map(|host| (*host).to_owned()).collect() };
        assert_eq!(offer(&images(0, &[])), None);
        assert_eq!(offer(&images(1, &["a.test"])).as_deref(), Some("Show 1 remote image from a.test"));
        assert_eq!(offer(&images(3, &["a.test", "b.test"])).as_deref(), Some("Show 3 remote images from a.test and b.test"));
        assert_eq!(offer(&images(9, &["a.test", "b.test", "c.test"])).as_deref(), Some("Show 9 remote images from a.test and 2 other hosts"));
    }
}
