//! Fact sheets to draft from.

use crate::domain::contacts::UsageFigure;
use crate::domain::drafting::*;
use crate::domain::money::Money;
use crate::domain::reason::Reason;

fn usd(minor: i64) -> Money {
    Money { minor, currency: "USD".into() }
}

fn update(id: &str, title: &str, summary: &str, feature: &str, on: &str) -> UpdateFact {
    UpdateFact {
        id: id.into(),
        title: title.into(),
        summary: summary.into(),
        features: vec![feature.into()],
        shipped_on: on.parse().unwrap(),
        url: Some(format!("https://example.com/changelog/{id}")),
        matched: vec!["bulk export".into()],
    }
}

pub(super) fn full() -> FactSheet {
    FactSheet {
        customer: CustomerFacts {
            name: Some("John Doe".into()),
            company: Some("Brightwater Goods".into()),
            plan: Some("Pro".into()),
            mrr: Some(usd(4900)),
            tenure_days: Some(180),
            features_used: vec!["webhooks".into(), "scheduled reports".into()],
            usage: vec![UsageFigure { label: "orders synced".into(), value: 48_210 }, UsageFigure { label: "reports sent".into(), value: 312 }],
            last_active: Some("2026-08-20".parse().unwrap()),
            left_on: Some("2026-09-01".parse().unwrap()),
        },
        reason: Reason::MissingFeatures,
        quotes: vec![CustomerQuote { text: "We needed bulk export for our accountant".into(), source: "their words".into(), said_on: None }],
        updates: vec![
            update("u1", "Bulk export", "Pick any range of orders and download it as CSV", "bulk export", "2026-10-02"),
            update("u2", "Export API", "The same export, from your own scripts", "export API", "2026-10-20"),
        ],
        other_updates: vec![update("u3", "Dark mode", "Easier on the eyes at night", "dark mode", "2026-11-01")],
        offer: Some(OfferFact {
            id: "o1".into(),
            code: "COMEBACK30".into(),
            percent: 30,
            months: Some(3),
            expires_on: Some("2027-01-31".parse().unwrap()),
        }),
        plan_price: Some(usd(5900)),
        cheaper_plans: vec![PlanFact {
            id: "p1".into(),
            name: "Starter".into(),
            price: usd(1900),
            features: vec!["Webhooks".into(), "Email support".into()],
        }],
        company: CompanyFacts {
            product: Some("Harbourline".into()),
            company: Some("Harbourline Ltd".into()),
            founder_name: Some("Imogen Ashby".into()),
            founder_title: Some("founder".into()),
            sender_name: Some("Marta Lind".into()),
            pause_months: Some(3),
            pause_keeps: Some("your channels and rules".into()),
            feedback_incentive: Some("a €25 donation to a charity you choose".into()),
            data_kept_months: Some(12),
            site_url: Some("https://example.com/".into()),
            restart_url: Some("https://example.com/restart?a=1&b=2".into()),
        },
        stories: vec![StoryFact {
            id: "s1".into(),
            who: "a 12-person logistics team".into(),
            quote: "It gave us our Mondays back".into(),
            outcome: Some("They now close their books two days earlier".into()),
            plan: Some("Pro".into()),
            reason: Some(Reason::SwitchingCompetitor),
        }],
        today: "2026-11-21".parse().unwrap(),
    }
}

/// A second customer: little usage, long tenure, no links.
fn other() -> FactSheet {
    let mut sheet = full();
    sheet.customer.name = Some("Dr. Ana María López".into());
    sheet.customer.tenure_days = Some(761);
    sheet.customer.plan = Some("Team plan".into());
    sheet.customer.features_used = vec!["shared inbox".into()];
    sheet.customer.usage.clear();
    sheet.customer.left_on = Some("2026-11-09".parse().unwrap());
    sheet.customer.mrr = Some(Money { minor: 12_000, currency: "EUR".into() });
    sheet.reason = Reason::TooExpensive;
    sheet.quotes[0].text = "It got too expensive for a team of our size.".into();
    sheet.quotes[0].said_on = Some("2026-11-08".parse().unwrap());
    sheet.updates.clear();
    sheet.offer = Some(OfferFact { id: "o2".into(), code: "BACK20".into(), percent: 20, months: None, expires_on: None });
    sheet.company.restart_url = None;
    sheet.company.founder_title = Some("co-founder & CEO".into());
    sheet
}

type Hole = fn(&mut FactSheet);

const HOLES: &[Hole] = &[
    |s| s.customer.name = None,
    |s| s.customer.plan = None,
    |s| s.customer.mrr = None,
    |s| s.customer.tenure_days = None,
    |s| s.customer.features_used.clear(),
    |s| s.customer.usage.clear(),
    |s| s.customer.left_on = None,
    |s| s.quotes.clear(),
    |s| s.updates.clear(),
    |s| s.other_updates.clear(),
    |s| s.offer = None,
    |s| s.plan_price = None,
    |s| s.cheaper_plans.clear(),
    |s| s.stories.clear(),
    |s| s.company.product = None,
    |s| s.company.company = None,
    |s| s.company.founder_name = None,
    |s| s.company.founder_title = None,
    |s| s.company.sender_name = None,
    |s| s.company.pause_months = None,
    |s| s.company.pause_keeps = None,
    |s| s.company.feedback_incentive = None,
    |s| s.company.data_kept_months = None,
    |s| s.company.restart_url = None,
    |s| s.offer.iter_mut().for_each(|offer| offer.months = None),
    |s| s.offer.iter_mut().for_each(|offer| offer.expires_on = None),
    |s| s.updates.iter_mut().chain(&mut s.other_updates).for_each(|update| update.summary.clear()),
    |s| s.updates.iter_mut().chain(&mut s.other_updates).for_each(|update| update.features.clear()),
    |s| s.updates.iter_mut().for_each(|update| update.matched.clear()),
    |s| s.stories.iter_mut().for_each(|story| story.outcome = None),
];

/// The empty sheet, the full ones, every single hole under every reason, and 400 sheets with many holes.
pub(super) fn sheets() -> Vec<FactSheet> {
    let mut sheets = vec![FactSheet { today: "2026-11-21".parse().unwrap(), ..FactSheet::default() }, FactSheet::default(), full(), other()];
    for reason in Reason::ALL {
        sheets.push(FactSheet { reason: *reason, ..FactSheet::default() });
        for base in [full(), other()] {
            for hole in HOLES {
                let mut sheet = base.clone();
                sheet.reason = *reason;
                hole(&mut sheet);
                sheets.push(sheet);
            }
        }
    }
    let names = ["Li Wei", "山田太郎", "MARÍA", "Zoë", "Åke", "Noor", "Siobhán", "J. Q. Public", "王", "O'Brien"];
    let mut state = 11_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for i in 0..400 {
        let mut sheet = if i % 2 == 0 { full() } else { other() };
        sheet.customer.name = Some(names[next(names.len())].into());
        sheet.customer.tenure_days = Some([0, 1, 9, 30, 44, 45, 90, 365, 400, 4000][next(10)]);
        sheet.customer.plan = Some(["Basic", "Business Plan", "Growth 500"][next(3)].into());
        sheet.reason = Reason::ALL[next(8)];
        for _ in 0..next(HOLES.len()) {
            HOLES[next(HOLES.len())](&mut sheet);
        }
        sheets.push(sheet);
    }
    sheets
}
