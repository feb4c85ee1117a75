//! The one table of pages: method, path, who may, and what answers.

use actix_web::guard;
use actix_web::web::{self, ServiceConfig};

use super::{
    account, allowed, api_changes, audit, batches, calls, campaigns, caught, churn, claims, compose, customers, delivery, demand, desk, doctor,
    events, facts, heads, holding, imports, inactivity, inbox, keys, leads, mailboxes, messages, migrations, overview, passkeys, preferences,
    privacy, provider, public, reference, referrals, reports, reset, rules, second_factor, segments, sending, sequences, sign_in, sources, templates,
    uncertain, users, verify, views, vigilance, webhooks, winback_rules,
};
use crate::domain::actor::{Actor, Role};

/// Who may use a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Everyone who signed in.
    SignedIn,
    /// Managers and administrators.
    Manager,
    /// Administrators.
    Admin,
}

impl Access {
    /// Whether this person may.
    pub fn admits(self, actor: &Actor) -> bool {
        let Actor::User { role, .. } = actor else { return false };
        match self {
            Access::Public | Access::SignedIn => true,
            Access::Manager => matches!(role, Role::Manager | Role::Admin),
            Access::Admin => *role == Role::Admin,
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Route {
    /// GET or POST.
    pub method: &'static str,
    /// The path pattern.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
}

/// What a page with this method answers: a HEAD like a GET, whose body is then left out.
fn answering(method: &str) -> actix_web::Route {
    match method {
        "get" => web::route().guard(guard::Any(guard::Get()).or(guard::Head())),
        _ => web::post(),
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $handler:path;)+) => {
        /// Every page there is. A path that is not here answers 404.
        pub const ROUTES: &[Route] = &[$(Route { method: stringify!($method), path: $path, access: Access::$access }),+];

        pub(super) fn register(config: &mut ServiceConfig) {
            config$(.route($path, answering(stringify!($method)).to($handler)))+;
        }
    };
}

routes! {
    get "/verify" Public verify::form;
    post "/verify" Public verify::look;
    get "/.well-known/countersign-keys.json" Public verify::well_known;
    get "/healthz" Public public::healthz;
    get "/readyz" Public public::readyz;
    get "/u/{token}" Public public::unsubscribe_page;
    post "/u/{token}" Public public::unsubscribe;
    get "/preferences/{token}" Public preferences::centre;
    post "/preferences/{token}" Public preferences::choose;
    get "/confirm/{token}" Public privacy::confirm_page;
    post "/confirm/{token}" Public privacy::confirm;
    get "/r/{token}" Public public::referral;
    get "/reference" Public reference::index;
    get "/reference/{id}" Public reference::show;
    get "/login" Public sign_in::page;
    post "/login" Public sign_in::sign_in;
    get "/login/code" Public sign_in::code_page;
    post "/login/code" Public sign_in::code;
    get "/login/provider" Public provider::send;
    get "/login/provider/callback" Public provider::receive;
    get "/login/provider/end" Public provider::sign_out;
    get "/login/passkey" Public passkeys::ask;
    post "/login/passkey" Public passkeys::show;
    get "/login/forgot" Public reset::ask_page;
    post "/login/forgot" Public reset::ask;
    get "/reset/{token}" Public reset::page;
    post "/reset/{token}" Public reset::set;
    get "/invite/{token}" Public sign_in::invitation;
    post "/invite/{token}" Public sign_in::accept;
    post "/logout" SignedIn sign_in::sign_out;
    get "/account" SignedIn account::page;
    post "/account" SignedIn account::change_password;
    post "/account/profile" SignedIn account::set_profile;
    post "/account/notices" SignedIn account::set_notices;
    post "/account/sessions/end" SignedIn account::end_other_sessions;
    post "/account/sessions/{id}/end" SignedIn account::end_session;
    get "/account/provider" SignedIn provider::link;
    post "/account/provider/removal" SignedIn provider::unlink;
    get "/account/second-factor" SignedIn second_factor::page;
    post "/account/second-factor" SignedIn second_factor::start;
    post "/account/second-factor/confirmation" SignedIn second_factor::confirm;
    post "/account/second-factor/removal" SignedIn second_factor::remove;
    get "/account/passkeys/new" SignedIn passkeys::new;
    post "/account/passkeys" SignedIn passkeys::add;
    post "/account/passkeys/{id}/removal" SignedIn passkeys::remove;
    get "/" SignedIn overview::home;
    get "/overview" SignedIn overview::show;
    get "/events" SignedIn events::events;
    get "/queue" SignedIn messages::queue::queue;
    post "/queue/take" SignedIn desk::take_several;
    post "/queue/snooze" SignedIn desk::snooze_several;
    get "/messages" SignedIn messages::queue::index;
    get "/messages/new" SignedIn compose::new;
    post "/messages" SignedIn compose::create;
    post "/messages/check" SignedIn claims::while_writing;
    get "/messages/{id}" SignedIn messages::review::show;
    get "/messages/{id}/preview" SignedIn messages::review::frame;
    get "/messages/{id}/edit" SignedIn messages::review::edit;
    post "/messages/{id}/edit" SignedIn messages::decisions::save;
    post "/messages/{id}/check" SignedIn claims::while_editing;
    post "/messages/{id}/claims/{key}/waiver" SignedIn claims::waive;
    post "/messages/{id}/approval" SignedIn messages::decisions::approve;
    post "/messages/{id}/rejection" SignedIn messages::decisions::reject;
    post "/messages/{id}/change-request" SignedIn messages::decisions::request_changes;
    post "/messages/{id}/cancellation" SignedIn messages::decisions::cancel;
    post "/batches" SignedIn batches::create;
    get "/batches/{id}" SignedIn batches::show;
    post "/batches/{id}/approval" SignedIn batches::approve;
    post "/batches/{id}/undo" SignedIn batches::undo;
    post "/messages/{id}/undo" SignedIn messages::decisions::undo;
    post "/messages/{id}/settlement" SignedIn uncertain::settle;
    post "/messages/{id}/schedule" SignedIn messages::decisions::schedule;
    post "/messages/{id}/presence" SignedIn desk::look;
    post "/messages/{id}/take" SignedIn desk::take;
    post "/messages/{id}/release" SignedIn desk::release;
    post "/messages/{id}/assignment" SignedIn desk::assign;
    post "/messages/{id}/comments" SignedIn desk::comment;
    post "/messages/{id}/snooze" SignedIn desk::snooze;
    post "/messages/{id}/unsnooze" SignedIn desk::unsnooze;
    get "/churn" SignedIn churn::index;
    get "/churn/new" Manager churn::new;
    post "/churn" Manager churn::create;
    get "/churn/import" Manager imports::new_churn;
    post "/churn/import" Manager imports::create_churn;
    get "/customers/import" Manager imports::new_contacts;
    post "/customers/import" Manager imports::create_contacts;
    get "/imports/{id}" Manager imports::show;
    post "/imports/{id}/cancellation" Manager imports::cancel;
    get "/imports/{id}/refused.csv" Manager imports::refused;
    get "/churn/rules" Manager winback_rules::index;
    get "/churn/rules/new" Manager winback_rules::new;
    post "/churn/rules" Manager winback_rules::create;
    post "/churn/rules/preview" Manager winback_rules::preview;
    get "/churn/rules/{id}" Manager winback_rules::show;
    post "/churn/rules/{id}" Manager winback_rules::change;
    post "/churn/rules/{id}/switch" Manager winback_rules::switch;
    post "/churn/rules/{id}/deletion" Manager winback_rules::delete;
    get "/churn/{id}" SignedIn churn::show;
    post "/churn/{id}/reason" Manager churn::correct_reason;
    post "/churn/{id}/recovered" Manager churn::recovered;
    post "/churn/{id}/release" Manager churn::release;
    get "/churn/{id}/variants" SignedIn churn::variants;
    post "/churn/{id}/variants" Manager churn::generate;
    post "/churn/{id}/variants/{vid}/message" Manager churn::choose;
    post "/churn/{id}/matches" SignedIn demand::judge;
    get "/demand" SignedIn demand::index;
    post "/demand/synonyms" Manager demand::set_synonyms;
    get "/campaigns" Manager campaigns::index;
    get "/campaigns/new" Manager campaigns::new;
    post "/campaigns" Manager campaigns::create;
    get "/campaigns/{id}" Manager campaigns::show;
    post "/campaigns/{id}" Manager campaigns::change;
    get "/campaigns/{id}/forecast" Manager campaigns::forecast;
    post "/campaigns/{id}/variants" Manager campaigns::compare;
    post "/campaigns/{id}/stop" Manager campaigns::stop;
    post "/campaigns/{id}/resume" Manager campaigns::resume;
    post "/campaigns/{id}/drafts" Manager campaigns::draft;
    post "/campaigns/{id}/drafts/cancellation" Manager campaigns::cancel_drafts;
    post "/campaigns/{id}/archive" Manager campaigns::archive;
    get "/migrations" Manager migrations::index;
    get "/migrations/new" Manager migrations::new;
    post "/migrations" Manager migrations::create;
    get "/migrations/{id}" Manager migrations::show;
    get "/migrations/{id}/changes" Manager api_changes::show;
    post "/migrations/{id}/changes" Manager api_changes::compare;
    get "/migrations/{id}/edit" Manager migrations::edit;
    get "/migrations/{id}/preview" Manager migrations::preview;
    post "/migrations/{id}" Manager migrations::change;
    post "/migrations/{id}/drafts" Manager migrations::draft;
    post "/migrations/{id}/drafts/cancellation" Manager migrations::cancel;
    post "/migrations/{id}/outdated" Manager migrations::take_back;
    post "/migrations/{id}/deletion" Manager migrations::delete;
    get "/segments" Manager segments::index;
    get "/segments/new" Manager segments::new;
    post "/segments" Manager segments::create;
    post "/segments/preview" Manager segments::preview;
    get "/segments/{id}" Manager segments::show;
    get "/segments/{id}/count" Manager segments::count;
    get "/segments/{id}/edit" Manager segments::edit;
    post "/segments/{id}" Manager segments::change;
    post "/segments/{id}/deletion" Manager segments::delete;
    get "/reports" SignedIn reports::index;
    get "/reports/{id}" SignedIn reports::show;
    get "/reports/{id}/table.csv" SignedIn reports::csv;
    get "/reports/{id}/rows" SignedIn reports::rows;
    get "/referrals" Manager referrals::index;
    post "/referrals" Manager referrals::create;
    get "/referrals/{id}" Manager referrals::show;
    post "/referrals/{id}/rewards" Manager referrals::reward;
    post "/referrals/{id}/reminder" Manager referrals::remind;
    get "/templates" Manager templates::index;
    get "/templates/new" Manager templates::new;
    post "/templates" Manager templates::create;
    get "/templates/{id}" Manager templates::show;
    get "/templates/{id}/edit" Manager templates::edit;
    post "/templates/{id}/versions" Manager templates::add_version;
    post "/templates/{id}/versions/{version}/approval" Manager templates::approve;
    post "/templates/{id}/versions/{version}/withdrawal" Manager templates::withdraw;
    post "/templates/{id}/archive" Manager templates::archive;
    get "/sequences" Manager sequences::index;
    get "/sequences/new" Manager sequences::new;
    post "/sequences" Manager sequences::create;
    get "/sequences/{id}" Manager sequences::show;
    get "/sequences/{id}/edit" Manager sequences::edit;
    post "/sequences/{id}" Manager sequences::change;
    post "/sequences/{id}/pause" Manager sequences::pause;
    post "/sequences/{id}/comparison" Manager sequences::compare;
    post "/sequences/{id}/archive" Manager sequences::archive;
    post "/sequences/{id}/enrollments" Manager sequences::enroll;
    post "/sequences/{id}/enrollments/stop" Manager sequences::stop;
    get "/sequences/{id}/segments" Manager sequences::forecast;
    post "/sequences/{id}/segments" Manager sequences::enroll_segment;
    post "/sequences/{id}/segments/cancellation" Manager sequences::cancel_segment;
    get "/vigilance" Manager vigilance::index;
    get "/customers" SignedIn customers::index;
    get "/customers/{id}" SignedIn customers::show;
    post "/customers/{id}/consents" Manager customers::record_consent;
    get "/customers/{id}/checks" SignedIn rules::explain;
    get "/inbox" SignedIn inbox::index;
    get "/inbox/providers" Admin inbox::providers;
    post "/inbox/providers" Admin inbox::set_provider;
    get "/inbox/{id}/preview" SignedIn inbox::frame;
    get "/inbox/{id}/raw" SignedIn inbox::raw;
    post "/inbox/{id}/release" SignedIn inbox::release;
    post "/inbox/{id}/reply" SignedIn inbox::reply;
    get "/threads/{id}" SignedIn inbox::thread;
    get "/leads" SignedIn leads::index;
    post "/leads/signals" Admin leads::set_signals;
    post "/customers/{id}/preferences" Manager preferences::note;
    get "/customers/{id}/privacy" Manager privacy::contact;
    get "/customers/{id}/personal-data.json" Manager privacy::as_json;
    get "/customers/{id}/personal-data.csv" Manager privacy::as_csv;
    post "/customers/{id}/consents/{cid}/withdrawal" Manager privacy::withdraw;
    post "/customers/{id}/opt-in" Manager privacy::ask;
    post "/customers/{id}/source" Manager privacy::set_source;
    post "/customers/{id}/requests" Manager privacy::request;
    post "/customers/{id}/erasure" Manager privacy::erase;
    get "/privacy" Manager privacy::index;
    post "/privacy/retention" Admin privacy::set_retention;
    post "/requests/{id}" Manager privacy::advance;
    get "/topics" SignedIn preferences::index;
    post "/topics" Manager preferences::create;
    post "/topics/{id}" Manager preferences::change;
    get "/facts" SignedIn facts::index;
    post "/facts" Manager facts::create;
    post "/facts/import" Manager facts::import;
    get "/facts/{id}" SignedIn facts::show;
    post "/facts/{id}" Manager facts::change;
    post "/facts/{id}/round" Manager facts::start_round;
    post "/facts/{id}/acceptance" Manager facts::accept;
    post "/facts/{id}/revocation" Manager facts::revoke;
    post "/facts/{id}/corrections" Manager facts::correct;
    get "/updates" SignedIn facts::updates;
    get "/offers" SignedIn facts::offers;
    get "/oversight" SignedIn holding::index;
    post "/oversight" Admin holding::create;
    post "/oversight/backtest" Admin holding::backtest;
    post "/oversight/{id}/ending" Admin holding::end;
    post "/oversight/{id}/keeping" Admin holding::keep;
    get "/mailboxes" SignedIn mailboxes::index;
    post "/mailboxes" Admin mailboxes::create;
    get "/mailboxes/{id}" SignedIn mailboxes::show;
    post "/mailboxes/{id}" Admin mailboxes::change;
    get "/mailboxes/{id}/delivery" SignedIn delivery::show;
    post "/mailboxes/{id}/delivery" Admin delivery::set_limits;
    post "/mailboxes/{id}/delivery/look" Manager delivery::look;
    post "/mailboxes/{id}/delivery/keys" Admin delivery::add_key;
    post "/mailboxes/{id}/footer" Admin preferences::set_footer;
    post "/mailboxes/{id}/allowed" Admin allowed::add;
    post "/mailboxes/{id}/allowed/{entry}/confirmation" Admin allowed::confirm;
    post "/mailboxes/{id}/allowed/{entry}/removal" Admin allowed::remove;
    post "/mailboxes/{id}/mode" Admin mailboxes::set_mode;
    post "/mailboxes/{id}/upgrade" Admin mailboxes::upgrade;
    post "/mailboxes/{id}/upgrade/refusal" Admin mailboxes::refuse_upgrade;
    post "/mailboxes/{id}/inbound" Admin mailboxes::open_inbound;
    post "/mailboxes/{id}/inbound/closing" Admin mailboxes::close_inbound;
    post "/mailboxes/{id}/stop" Manager mailboxes::stop;
    post "/mailboxes/{id}/resume" Manager mailboxes::resume;
    get "/sending" SignedIn sending::show;
    post "/sending/stop" Manager sending::stop;
    post "/sending/resume" Manager sending::resume;
    get "/uncertain" SignedIn uncertain::index;
    post "/uncertain/log" SignedIn uncertain::read_log;
    get "/rules" SignedIn rules::show;
    post "/rules" Admin rules::change;
    post "/rules/holidays" Manager rules::set_holidays;
    post "/rules/groups" Manager rules::suppress;
    post "/rules/groups/lift" Manager rules::lift;
    post "/views" SignedIn views::create;
    post "/views/{id}" SignedIn views::change;
    post "/views/{id}/deletion" SignedIn views::delete;
    get "/users" Admin users::index;
    post "/users" Admin users::create;
    post "/users/second-factor" Admin users::require_second_factor;
    post "/users/{id}" Admin users::change;
    post "/users/{id}/sessions/end" Admin users::end_sessions;
    post "/users/{id}/disable" Admin users::disable;
    post "/users/{id}/enable" Admin users::enable;
    post "/users/{id}/invite" Admin users::invite;
    post "/users/{id}/unlink" Admin users::unlink;
    get "/keys" Admin keys::index;
    post "/keys" Admin keys::create;
    get "/keys/{id}" Admin keys::show;
    post "/keys/{id}" Admin keys::change;
    post "/keys/{id}/rotation" Admin keys::rotate;
    post "/keys/{id}/revoke" Admin keys::revoke;
    get "/sources" Admin sources::index;
    post "/sources" Admin sources::create;
    post "/sources/rules" Admin inactivity::create;
    post "/sources/rules/{id}" Admin inactivity::change;
    post "/sources/rules/{id}/deletion" Admin inactivity::delete;
    get "/sources/{id}" Admin sources::show;
    post "/sources/{id}" Admin sources::change;
    post "/sources/{id}/rotation" Admin sources::rotate;
    post "/sources/{id}/disable" Admin sources::disable;
    post "/sources/{id}/enable" Admin sources::enable;
    post "/sources/{id}/deletion" Admin sources::delete;
    get "/webhooks" Admin webhooks::index;
    post "/webhooks" Admin webhooks::create;
    get "/webhooks/{id}" Admin webhooks::show;
    post "/webhooks/{id}" Admin webhooks::change;
    post "/webhooks/{id}/rotation" Admin webhooks::rotate;
    post "/webhooks/{id}/disable" Admin webhooks::disable;
    post "/webhooks/{id}/enable" Admin webhooks::enable;
    post "/webhooks/{id}/test" Admin webhooks::test;
    post "/webhooks/{id}/deletion" Admin webhooks::delete;
    post "/webhooks/{id}/deliveries/{did}/replay" Admin webhooks::replay;
    get "/audit/heads" Admin heads::index;
    get "/audit/heads/{day}" Admin heads::file;
    post "/audit/keys" Admin heads::rotate;
    post "/audit/keys/{id}/withdrawal" Admin heads::withdraw;
    get "/doctor" Admin doctor::show;
    get "/audit" SignedIn audit::index;
    get "/audit/export.csv" SignedIn audit::export;
    get "/audit/calls" Admin calls::index;
    get "/catcher" SignedIn caught::index;
    get "/catcher/{id}/preview" SignedIn caught::preview;
    get "/catcher.json" Public caught::json;
}
