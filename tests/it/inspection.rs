//! What a reviewer does not see by reading: found where it is, and not where it is not.

use countersign::cli::demo;
use countersign::domain::churn::{self, Filter, sheet};
use countersign::domain::drafting::draft_all;
use countersign::domain::messages::content::{Content, Footer, Words};
use countersign::domain::messages::inspect::{Finding, Kind, Known, inspect, remote_images};

use crate::support::{Desk, OPERATOR, PASSWORD};

/// A message as it is stored: the HTML cleaned.
fn content(subject: &str, text: Option<&str>, html: Option<&str>) -> Content {
    let words = Words { subject: subject.into(), text: text.map(str::to_owned), html: html.map(str::to_owned) }.check().unwrap();
    Content {
        from_address: "care@acme.example".into(),
        from_name: "Acme".into(),
        to_address: "ana@customer.example".into(),
        to_name: Some("Ana Pérez".into()),
        subject: words.subject,
        text_body: words.text,
        html_body: Some(words.html),
        headers: vec![],
        footer: Footer::default(),
    }
}

fn found(content: &Content) -> Vec<Finding> {
    inspect(content, &Known::new(&["docs.acme-help.example".to_owned(), "status.example".to_owned()]))
}

fn to_tick(content: &Content) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = found(content).into_iter().filter(Finding::needs_tick).map(|finding| finding.kind).collect();
    kinds.dedup();
    kinds
}

#[test]
fn hidden_text_and_deceiving_links_in_html_are_found() {
    use Kind::{HiddenText, InvisibleCharacters, LinkText, LookAlikeHost, MixedScripts, RawAddress, Shortener};
    let cases: &[(&str, &[Kind])] = &[
        // Size.
        ("<p>Hi <span style=\"font-size:0\">secret</span></p>", &[HiddenText]),
        ("<p>Hi <span style=\"font-size:0px !important\">secret</span></p>", &[HiddenText]),
        ("<p>Hi <span style=\"font-size: 1px\">secret</span></p>", &[HiddenText]),
        ("<p>Hi <span style=\"font-size:.1em\">secret</span></p>", &[HiddenText]),
        ("<p>Hi <span style=\"font-size:2PT\">secret</span></p>", &[HiddenText]),
        ("<div style=\"font-size:20%\"><div style=\"font-size:50%\">secret</div></div>", &[HiddenText]),
        ("<p style=\"font-size:calc(1px - 1px)\">secret</p>", &[HiddenText]),
        ("<p style=\"font-size:1e-3px\">secret</p>", &[HiddenText]),
        ("<p style=\"line-height:0\">secret</p>", &[HiddenText]),
        // Colour.
        ("<p style=\"color:#fff\">secret</p>", &[HiddenText]),
        ("<p style=\"color:white\">secret</p>", &[HiddenText]),
        ("<p style=\"color:#fefefe\">secret</p>", &[HiddenText]),
        ("<p style=\"color:rgb(255, 255, 255)\">secret</p>", &[HiddenText]),
        ("<p style=\"color:rgba(0,0,0,0.02)\">secret</p>", &[HiddenText]),
        ("<p style=\"color:transparent\">secret</p>", &[HiddenText]),
        ("<p style=\"color:hsl(0 0% 99%)\">secret</p>", &[HiddenText]),
        ("<div style=\"background-color:#123456\"><p><b style=\"color:#123457\">secret</b></p></div>", &[HiddenText]),
        ("<table><tr><td bgcolor=\"black\"><span style=\"color:#010101\">secret</span></td></tr></table>", &[HiddenText]),
        ("<div style=\"background-color:black\">secret</div>", &[HiddenText]),
        ("<div style=\"color:#fff;background-color:#000\"><p style=\"background-color:#fff\">secret</p></div>", &[HiddenText]),
        // Place.
        ("<p style=\"margin-left:-9999px\">secret</p>", &[HiddenText]),
        ("<p style=\"margin:0 0 0 -600em\">secret</p>", &[HiddenText]),
        ("<p style=\"padding-left:5000px\">secret</p>", &[HiddenText]),
        ("<details><summary>More</summary>secret</details>", &[HiddenText]),
        ("<bdo dir=\"rtl\">drawkcab</bdo>", &[HiddenText]),
        // Characters.
        ("<p>pass\u{200b}word</p>", &[InvisibleCharacters]),
        ("<p>pass&#8203;word</p>", &[InvisibleCharacters]),
        ("<p>invoice\u{202e}fdp.exe</p>", &[InvisibleCharacters]),
        ("<p>Hi\u{e0049}\u{e0067}\u{e006e}\u{e006f}\u{e0072}\u{e0065}</p>", &[InvisibleCharacters]),
        ("<p>Hi</p><img alt=\"a\u{e0061}\" src=\"https://cdn.example/a.png\">", &[InvisibleCharacters]),
        ("<p>f\u{ad}r\u{ad}e\u{ad}e</p>", &[InvisibleCharacters]),
        ("<p>a\u{2060}b \u{feff}c \u{3164}</p>", &[InvisibleCharacters]),
        // Words of links.
        ("<a href=\"https://evil.test\">https://bank.example</a>", &[LinkText]),
        ("<a href=\"https://evil.test\">bank.example</a>", &[LinkText]),
        ("<a href=\"https://evil.test\">BANK.EXAMPLE</a>", &[LinkText]),
        ("<a href=\"https://evil.test\">Sign in at <b>bank</b>.example/login</a>", &[LinkText]),
        ("<a href=\"https://evil.test\">www.bank.example</a>", &[LinkText]),
        ("<a href=\"https://evil.test\">(bank.example)</a>", &[LinkText]),
        ("<a href=\"https://evil.test\"><img src=\"https://cdn.example/x.png\" alt=\"bank.example\"></a>", &[LinkText]),
        ("<a href=\"mailto:thief@evil.test\">care@bank.example</a>", &[LinkText]),
        ("<a href=\"mailto:care@bank.example?bcc=thief@evil.test\">care@bank.example</a>", &[LinkText]),
        ("<a href=\"https://evil.test/\">care@bank.example</a>", &[LinkText]),
        ("<a href=\"https://bank.example@evil.test/\">Sign in</a>", &[LinkText]),
        ("<a href=\"https://bank.example.evil.test/\">bank.example</a>", &[LinkText]),
        // Look-alikes of the sender, an allowed link, a provider.
        ("<a href=\"https://acrne.example/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://\u{430}cme.example/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://xn--cme-5cd.example/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://login.acme.example.evil.test/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://acme.example.evil.test/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://gmai1.com/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://www.gmial.com/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://out1ook.com/\">Sign in</a>", &[LookAlikeHost]),
        ("<a href=\"https://docs.acme-heip.example/\">Docs</a>", &[LookAlikeHost]),
        ("<a href=\"https://statos.example/\">Status</a>", &[LookAlikeHost]),
        ("<a href=\"https://customers.example/\">Your page</a>", &[LookAlikeHost]),
        ("<a href=\"mailto:care@acme.exampIe\">Write to us</a>", &[LookAlikeHost]),
        // Alphabets.
        ("<p>Your P\u{430}ypal account</p>", &[MixedScripts]),
        ("<p>\u{421}lick here</p>", &[MixedScripts]),
        ("<a href=\"https://p\u{430}ypal-login.test/\">Sign in</a>", &[MixedScripts]),
        // Where a link leads.
        ("<a href=\"http://192.0.2.7/x\">Sign in</a>", &[RawAddress]),
        ("<a href=\"https://3221226219/x\">Sign in</a>", &[RawAddress]),
        ("<a href=\"https://0xC0.0.2.7/x\">Sign in</a>", &[RawAddress]),
        ("<a href=\"https://[2001:db8::1]/\">Sign in</a>", &[RawAddress]),
        ("<a href=\"https://bit.ly/3xyz\">Sign in</a>", &[Shortener]),
        ("<a href=\"https://TinyURL.com/3xyz\">Sign in</a>", &[Shortener]),
    ];
    let got = |html: &str| to_tick(&content("Hello", None, Some(&format!("<p>Dear Ana,</p>{html}"))));
    let wrong: Vec<_> = cases.iter().map(|(html, kinds)| (html, got(html), kinds)).filter(|(_, got, kinds)| got != *kinds).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn tricks_in_the_subject_the_name_and_the_text_are_found() {
    use Kind::{HiddenText, InvisibleCharacters, LinkText, LookAlikeHost, MixedScripts, PartsDiffer, RawAddress, Shortener};
    for (subject, text, kind) in [
        ("Your inv\u{200b}oice", "Hi", InvisibleCharacters),
        ("Your invoice\u{e0041}", "Hi", InvisibleCharacters),
        ("Your \u{202e}ecioivni", "Hi", InvisibleCharacters),
        ("P\u{430}ypal", "Hi", MixedScripts),
        ("\u{391}cme news", "Hi", MixedScripts),
        ("Hello", "Hi\u{2063} there", InvisibleCharacters),
        ("Hello", "See https://acrne.example/x.", LookAlikeHost),
        ("Hello", "See https://bank.example@evil.test/x.", LinkText),
        ("Hello", "Write to care@acme.exampel", LookAlikeHost),
        ("Hello", "See <http://198.51.100.3/a>", RawAddress),
        ("Hello", "See (https://bit.ly/abc)", Shortener),
        ("Hello", &format!("Hi{}secret", "\n".repeat(60)), HiddenText),
    ] {
        assert_eq!(to_tick(&content(subject, Some(text), None)), [kind], "{subject:?} {text:?}");
    }
    for (text, html) in [
        ("You get 30% off.", "<p>You get 50% off.</p>"),
        ("You owe 1.5 dollars.", "<p>You owe 15 dollars.</p>"),
        ("Do not pay.", "<p>Do pay.</p>"),
        ("Good news.", "<p>Good news.</p><p>Send us your password.</p>"),
        ("Pay Ana, not Bo.", "<p>Pay Bo, not Ana.</p>"),
        ("1 5", "<p>15</p>"),
        ("今日は休みです", "<p>明日は休みです</p>"),
    ] {
        assert_eq!(to_tick(&content("Hello", Some(text), Some(html))), [PartsDiffer], "{text} | {html}");
    }
    let honest = content("Hello", Some("Hi"), None);
    let named = Content { from_name: "\u{410}cme".into(), ..honest.clone() };
    assert_eq!(to_tick(&named), [MixedScripts]);
    let to = Content { to_address: "ana@gmial.com".into(), ..honest };
    assert_eq!(to_tick(&to), [LookAlikeHost]);
}

/// Letters as they are written every day, in many languages and with what newsletters hold.
#[test]
fn ordinary_letters_need_no_tick() {
    let html = [
        "<p>Hallo Ana, im Anhang die Auf\u{ad}lis\u{ad}tung z.B. für Q3/2026. Mit freundlichen Grüßen – Ihr Team, Müller &amp; Söhne GmbH. <a href=\"https://acme.example/preise\">Preise</a></p>",
        "<p>Bonjour Ana\u{a0}! Profitez de 30\u{202f}% jusqu\u{2019}au 1ᵉʳ mars\u{a0}: <a href=\"https://shop.acme.example/offres\">acme.example</a></p>",
        "<p>Καλημέρα Άννα, το πακέτο Pro κοστίζει 25 € τον μήνα. Το API μας είναι έτοιμο. Αντίσταση 5 kΩ, 3 μm.</p>",
        "<p>Здравствуйте, Анна! Наш IT-отдел обновил API и PDF-отчёты. Пришлём SMSку или e-mail, PRщик доволен. С уважением, команда Acme.</p>",
        "<p>アンナ様、Tシャツ、SNSで、ProプランのAPIを更新しました。詳しくは<a href=\"https://acme.example/ja\">こちら</a>をご覧ください。辻\u{e0100}さん</p>",
        "<p dir=\"rtl\">مرحبا آنا، خطة \u{200f}Pro\u{200f} متاحة الآن (v2.1). می\u{200c}خواهم</p>",
        "<p>שלום אנה, ה-API מוכן \u{200e}(v2)\u{200e}.</p>",
        "<p>नमस्ते एना, क्\u{200d}षमा करें।</p>",
        "<p>안녕하세요 Ana님, API를 업데이트했습니다.</p>",
        "<p>Great news 👨\u{200d}👩\u{200d}👧 ❤\u{fe0f} 1\u{fe0f}\u{20e3} 🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f} 🏳\u{fe0f}\u{200d}🌈 for Scotland!</p>",
        "<h1 style=\"color:#ffffff;background-color:#2f48b8;padding:24px\">Spring news</h1><p style=\"color:#999999;font-size:11px\">You get this because you asked for it.</p>",
        "<table width=\"600\"><tr><td bgcolor=\"#222222\" style=\"padding:20px\"><span style=\"color:#eeeeee\">Dark header</span></td></tr></table>",
        "<table><tr><td style=\"font-size:0;line-height:0\">&nbsp;</td></tr><tr><td style=\"background-color:#0055aa\"><a style=\"color:#fff;padding:12px 24px\" href=\"https://acme.example/go\">Start now</a></td></tr></table>",
        "<p>See <a href=\"https://docs.acme-help.example/guide\">report.pdf</a>, <a href=\"https://github.com/nodejs/node\">Node.js</a>, <a href=\"https://learn.example/aspnet\">ASP.NET</a>, <a href=\"https://acme.example/v2\">v2.0.1</a>, <a href=\"https://acme.example/u\">Mr.Smith</a>, <a href=\"https://acme.example/u\">e.g. this</a></p>",
        "<p><a href=\"https://www.acme.example/pricing?utm_source=mail\">acme.example/pricing</a> <a href=\"https://acme.example\">www.acme.example</a> <a href=\"https://app.acme.example/x\">https://acme.example</a></p>",
        "<p>Write to <a href=\"mailto:care@acme.example?subject=Hi\">care@acme.example</a> or <a href=\"mailto:care@acme.example\">us</a>.</p>",
        "<p><img src=\"https://cdn.acme.example/logo.png\" alt=\"Acme\" width=\"120\"> <img src=\"https://cdn.acme.example/pixel.gif\" width=\"1\" height=\"1\" alt=\"\"></p><p>Hello</p>",
        "<p>Read on <a href=\"https://müller-shop.de/\">müller-shop.de</a>, <a href=\"https://пример.рф/\">пример.рф</a>, <a href=\"https://例え.jp/\">例え.jp</a></p>",
        "<p>From <a href=\"https://mail.com/\">mail.com</a>, <a href=\"https://hotmail.co.uk\">Hotmail</a>, <a href=\"https://gmx.at\">GMX</a>, <a href=\"https://yahoo.fr\">Yahoo</a></p>",
        "<p>漢字<ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp></ruby>京 <mark>new</mark> <small>small print</small> x<sup>2</sup></p>",
        "<p>A &lt; b, 5 &gt; 3, “quotes”, em—dash, 1/2, ½, ™, №5, α-testing, ΔT, Ω, naïve, Straße, İstanbul, Łódź</p>",
        "<p>Old link <a href=\"http://acme.example/a\">here</a></p>",
    ];
    for html in html {
        let content = content("Neues von Acme: 10 % für Sie", None, Some(html));
        let found: Vec<Finding> = found(&content).into_iter().filter(Finding::needs_tick).collect();
        assert!(found.is_empty(), "{html}: {found:#?}");
    }
    for (text, html) in [
        (
            "Hi Ana,\n\n- one\n- two\n\nSee it: https://acme.example/go\n",
            "<p>Hi Ana,</p><ul><li>one</li><li>two</li></ul><p><a href=\"https://acme.example/go\">See it:</a></p>",
        ),
        (
            "# News\n\n1. **One** thing\n2. Two\n\n[Read on](https://acme.example/a)\n\n![Logo](https://cdn.example/l.png)",
            "<h1>News</h1><ol><li><strong>One</strong> thing</li><li>Two</li></ol><p><a href=\"https://acme.example/a\">Read on</a></p><p><img src=\"https://cdn.example/l.png\" alt=\"Logo\"></p>",
        ),
        ("今日は\n休みです。", "<p>今日は休みです。</p>"),
        ("Grüße,\nIhr Team", "<table><tr><td>Grüße,</td></tr><tr><td>Ihr&nbsp;Team</td></tr></table>"),
        ("Don't wait: 1,000 users", "<p>Don’t wait:</p><p>1,000 <b>u</b>sers</p>"),
        ("Write to care@acme.example", "<p>Write to <a href=\"mailto:care@acme.example\">care@acme.example</a></p>"),
    ] {
        assert_eq!(to_tick(&content("Hello", Some(text), Some(html))), [], "{text}");
    }
}

#[actix_web::test]
async fn no_letter_of_the_playbook_needs_a_tick() {
    let desk = Desk::new().await;
    let now = desk.now();
    desk.write(|conn| demo::fill_samples(conn, PASSWORD, now)).unwrap();
    let events = desk.read(|conn| churn::list(conn, &OPERATOR, &Filter { limit: 200, ..Filter::default() })).0;
    let mut letters = 0;
    for event in events {
        let sheet = desk.write(|conn| sheet::gather(conn, &event, now)).unwrap();
        for draft in draft_all(&sheet) {
            let content = content(&draft.subject, Some(&draft.text), Some(&draft.html));
            let found: Vec<Finding> = inspect(&content, &Known::new(&[])).into_iter().filter(Finding::needs_tick).collect();
            assert!(found.is_empty(), "{}\n{}: {found:#?}", draft.text, draft.html);
            letters += 1;
        }
    }
    assert!(letters > 100, "{letters}");
}

#[test]
fn remote_images_and_plain_links_are_told_and_need_no_tick() {
    let html = "<p>Hi <a href=\"http://acme.example/\">x</a><img src=\"https://cdn.example.com/a.png\"><img src=\"https://cdn.example.com/b.png\"><img src=\"http://t.example/p.gif\"></p>";
    let content = content("Hello", None, Some(html));
    let kinds: Vec<Kind> = found(&content).iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, [Kind::PlainHttp, Kind::RemoteImages]);
    assert!(to_tick(&content).is_empty());
    let images = remote_images(content.html_body.as_deref().unwrap());
    assert_eq!((images.count, images.hosts), (3, vec!["cdn.example.com".to_owned(), "t.example".to_owned()]));
}

#[test]
fn the_same_trick_has_the_same_key_and_many_are_one_finding_more() {
    let one = content("Hello", None, Some("<p>Hi <a href=\"https://evil.test\">bank.example</a></p>"));
    let other = content("Other", None, Some("<div>Well <b>then</b> <a href=\"https://evil.test\">bank.example</a></div>"));
    assert_eq!(found(&one)[0].key, found(&other)[0].key);
    let many: String = (0..300).map(|n| format!("<a href=\"https://evil.test\">bank{n}.example</a> ")).collect();
    let all = found(&content("Hello", None, Some(&many)));
    assert!(all.len() == 41 && all[40].why.contains("260 more"), "{}", all.len());
    let another = found(&content("Hello", None, Some(&many.replace("bank299", "bank999"))));
    assert_ne!(all[40].key, another[40].key, "what is not listed one by one binds the tick too");
}

/// Work that grows faster than the message would show here as minutes.
#[test]
fn the_largest_message_is_looked_through_in_linear_time() {
    let fill = |piece: &dyn Fn(usize) -> String| {
        let mut html = String::new();
        let mut n = 0;
        while html.len() < 500 * 1024 {
            html.push_str(&piece(n));
            n += 1;
        }
        html
    };
    let pieces: [&dyn Fn(usize) -> String; 6] = [
        &|n| format!("<a href=\"https://h{n}.test\">g{n}.example</a>"),
        &|n| format!("<span style=\"color:#fff\">hidden {n}</span> seen "),
        &|n| format!("a\u{200b}{n} P\u{430}y{n} "),
        &|_| "<b>".to_owned(),
        &|_| "a\u{202e}".to_owned(),
        &|n| format!("<img src=\"https://h{n}.test/a.png\" alt=\"x\">"),
    ];
    for piece in pieces {
        let html = fill(piece);
        let content = Content { html_body: Some(html), text_body: "word ".repeat(40_000), ..content("Hello", Some("Hi"), None) };
        let findings = inspect(&content, &Known::new(&["docs.acme-help.example".to_owned()]));
        assert!(findings.len() < 300);
    }
}
