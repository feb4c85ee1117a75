//! Table definitions for both databases, in their common column types.
#![expect(missing_docs, reason = "the migrations document the columns")]

diesel::table! {
    provenance_keys (id) {
        id -> Text,
        state -> Text,
        public_key -> Text,
        private_key -> Nullable<Text>,
        created_at -> BigInt,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    audit_heads (day) {
        day -> Text,
        position -> BigInt,
        hash -> Text,
        signed_at -> BigInt,
        key_id -> Text,
        signature -> Text,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        email_key -> Text,
        name -> Text,
        role -> Text,
        password_hash -> Nullable<Text>,
        sign_in_epoch -> BigInt,
        disabled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        time_zone -> Nullable<Text>,
        shortcuts -> Bool,
        digest_hour -> Integer,
        notices -> Bool,
        issuer -> Nullable<Text>,
        subject -> Nullable<Text>,
        role_given -> Bool,
    }
}

diesel::table! {
    passkeys (id) {
        id -> Text,
        user_id -> Text,
        name -> Text,
        credential_id -> Text,
        credential -> Text,
        created_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    invitations (token_hash) {
        token_hash -> Text,
        user_id -> Nullable<Text>,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Nullable<Text>,
        state -> Text,
        expires_at -> BigInt,
        handle -> Nullable<Text>,
        started_at -> Nullable<BigInt>,
        seen_at -> Nullable<BigInt>,
        network -> Nullable<Text>,
        device -> Nullable<Text>,
    }
}

diesel::table! {
    sign_in_attempts (subject) {
        subject -> Text,
        failures -> Integer,
        window_started_at -> BigInt,
    }
}

diesel::table! {
    second_factors (user_id) {
        user_id -> Text,
        secret -> Text,
        started_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
        last_step -> BigInt,
        wrong_tries -> Integer,
        tried_at -> BigInt,
    }
}

diesel::table! {
    recovery_codes (user_id, code_hash) {
        user_id -> Text,
        code_hash -> Text,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    settings (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    mailboxes (id) {
        id -> Text,
        address -> Text,
        address_key -> Text,
        name -> Text,
        mode -> Text,
        postal_address -> Text,
        undo_seconds -> Integer,
        person_required -> Bool,
        stopped_at -> Nullable<BigInt>,
        created_at -> BigInt,
        bulk_in_gated_all -> Bool,
        notify -> Text,
        planted_percent -> Integer,
        on_uncertain -> Text,
        bounce_address -> Nullable<Text>,
        tripwire -> Integer,
        mode_since -> BigInt,
    }
}

diesel::table! {
    holding_rules (id) {
        id -> Text,
        name -> Text,
        mailbox_id -> Nullable<Text>,
        kinds -> Text,
        tags -> Text,
        segment_id -> Nullable<Text>,
        amount_over -> Nullable<BigInt>,
        revenue_over -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        approvers -> Integer,
        created_by -> Text,
        created_at -> BigInt,
        ending_by_id -> Nullable<Text>,
        ending_by -> Nullable<Text>,
        ending_because -> Nullable<Text>,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    allow_list (id) {
        id -> Text,
        mailbox_id -> Text,
        pattern -> Text,
        reason -> Text,
        asked_by_id -> Text,
        asked_by -> Text,
        created_at -> BigInt,
        confirmed_by -> Nullable<Text>,
        confirmed_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
        ended_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    two_approvers (message_id) {
        message_id -> Text,
        rule_id -> Text,
    }
}

diesel::table! {
    first_approvals (message_id, version) {
        message_id -> Text,
        version -> Integer,
        content_hash -> Text,
        user_id -> Text,
        user_name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    tripped (message_id) {
        message_id -> Text,
        mailbox_id -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    mailbox_members (mailbox_id, user_id) {
        mailbox_id -> Text,
        user_id -> Text,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        name -> Text,
        prefix -> Text,
        secret_hash -> Text,
        scopes -> Text,
        is_test -> Bool,
        created_by -> Nullable<Text>,
        created_at -> BigInt,
        last_used_at -> Nullable<BigInt>,
        revoked_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        calls_per_minute -> Integer,
        last_used_from -> Nullable<Text>,
        previous_secret_hash -> Nullable<Text>,
        previous_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    api_key_mailboxes (api_key_id, mailbox_id) {
        api_key_id -> Text,
        mailbox_id -> Text,
    }
}

diesel::table! {
    contacts (id) {
        id -> Text,
        email -> Text,
        email_key -> Text,
        name -> Nullable<Text>,
        metadata -> Text,
        time_zone -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        erased_at -> Nullable<BigInt>,
        absent_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    contact_tags (contact_id, tag) {
        contact_id -> Text,
        tag -> Text,
    }
}

diesel::table! {
    consents (id) {
        id -> Text,
        contact_id -> Text,
        basis -> Text,
        source -> Text,
        recorded_by -> Text,
        recorded_at -> BigInt,
        purpose -> Text,
        wording -> Nullable<Text>,
        evidence -> Nullable<Text>,
        jurisdiction -> Nullable<Text>,
        given_at -> Nullable<BigInt>,
        withdrawn_at -> Nullable<BigInt>,
        withdrawn_by -> Nullable<Text>,
    }
}

diesel::table! {
    suppressions (email_key) {
        email_key -> Text,
        reason -> Text,
        source -> Text,
        message_id -> Nullable<Text>,
        created_at -> BigInt,
        is_group -> Bool,
    }
}

diesel::table! {
    customers (contact_id) {
        contact_id -> Text,
        company -> Nullable<Text>,
        plan_name -> Nullable<Text>,
        mrr_minor -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        tenure_days -> Nullable<Integer>,
        features -> Text,
        usage -> Text,
        last_active_at -> Nullable<BigInt>,
        updated_at -> BigInt,
    }
}

diesel::table! {
    facts (id) {
        id -> Text,
        kind -> Text,
        fact_key -> Text,
        contact_id -> Nullable<Text>,
        version -> Integer,
        content_hash -> Text,
        label -> Text,
        body -> Text,
        source -> Text,
        state -> Text,
        state_reason -> Nullable<Text>,
        day -> Nullable<Text>,
        recorded_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    fact_versions (fact_id, version) {
        fact_id -> Text,
        version -> Integer,
        content_hash -> Text,
        label -> Text,
        body -> Text,
        source -> Text,
        recorded_by -> Text,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    fact_book (id) {
        id -> Integer,
        revision -> Text,
    }
}

diesel::table! {
    threads (id) {
        id -> Text,
        mailbox_id -> Text,
        contact_id -> Nullable<Text>,
        subject -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    inbound_emails (id) {
        id -> Text,
        mailbox_id -> Text,
        thread_id -> Text,
        contact_id -> Nullable<Text>,
        from_address -> Text,
        from_key -> Text,
        to_address -> Text,
        subject -> Text,
        text_body -> Text,
        received_at -> BigInt,
        read_at -> Nullable<BigInt>,
        released_at -> Nullable<BigInt>,
        message_id_header -> Nullable<Text>,
        kind -> Text,
        from_name -> Nullable<Text>,
        html_body -> Nullable<Text>,
        attachments -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    inbound_raw (mailbox_id, digest) {
        mailbox_id -> Text,
        digest -> Text,
        inbound_email_id -> Text,
        raw -> Text,
    }
}

diesel::table! {
    inbound_ways (mailbox_id) {
        mailbox_id -> Text,
        token_hash -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    delivery_reports (id) {
        id -> Text,
        message_id -> Text,
        source -> Text,
        event_key -> Text,
        kind -> Text,
        hard -> Bool,
        status -> Nullable<Text>,
        reason -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    leads (id) {
        id -> Text,
        mailbox_id -> Text,
        thread_id -> Text,
        inbound_email_id -> Text,
        contact_id -> Nullable<Text>,
        signals -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    inbound_folders (mailbox_id) {
        mailbox_id -> Text,
        uid_validity -> BigInt,
        last_uid -> BigInt,
        looked_at -> BigInt,
        problem -> Nullable<Text>,
    }
}

diesel::table! {
    inbound_email_tags (inbound_email_id, tag) {
        inbound_email_id -> Text,
        tag -> Text,
    }
}

diesel::table! {
    churn_events (id) {
        id -> Text,
        contact_id -> Nullable<Text>,
        customer_email -> Nullable<Text>,
        customer_name -> Nullable<Text>,
        provider -> Text,
        provider_customer_id -> Nullable<Text>,
        provider_subscription_id -> Nullable<Text>,
        plan_name -> Nullable<Text>,
        mrr_minor -> Nullable<BigInt>,
        currency -> Text,
        tenure_days -> Nullable<Integer>,
        cancel_reason -> Nullable<Text>,
        cancel_reason_text -> Nullable<Text>,
        event_type -> Text,
        last_active_at -> Nullable<BigInt>,
        notes -> Nullable<Text>,
        features -> Text,
        status -> Text,
        reason -> Text,
        reason_confidence -> Integer,
        reason_quotes -> Text,
        reason_corrected_by -> Nullable<Text>,
        source -> Text,
        churned_at -> BigInt,
        recovered_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        window_ends_at -> Nullable<BigInt>,
        letter_strategy -> Nullable<Text>,
        letter_at -> Nullable<BigInt>,
        replied_at -> Nullable<BigInt>,
        evidence -> Nullable<Text>,
    }
}

diesel::table! {
    winback_rules (id) {
        id -> Text,
        name -> Text,
        mailbox_id -> Text,
        enabled -> Bool,
        reasons -> Text,
        mrr_from -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        from_days -> Integer,
        to_days -> Integer,
        needs_update -> Bool,
        segment_id -> Nullable<Text>,
        imported -> Bool,
        strategy -> Nullable<Text>,
        holdout -> Integer,
        daily -> Integer,
        last_event -> Text,
        last_left_at -> BigInt,
        next_run_at -> BigInt,
        drafted -> BigInt,
        held_out -> BigInt,
        left_out -> BigInt,
        day -> Text,
        drafted_on_day -> Integer,
        failures -> Integer,
        trouble -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    winback_picks (churn_event_id) {
        churn_event_id -> Text,
        rule_id -> Text,
        arm -> Text,
        because -> Nullable<Text>,
        picked_at -> BigInt,
        compare_until -> BigInt,
        currency -> Text,
        mrr_minor -> BigInt,
        back_at -> Nullable<BigInt>,
        closed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    provider_events (provider, event_id) {
        provider -> Text,
        event_id -> Text,
        received_at -> BigInt,
    }
}

diesel::table! {
    imports (id) {
        id -> Text,
        kind -> Text,
        file_name -> Text,
        state -> Text,
        total_rows -> BigInt,
        imported_rows -> BigInt,
        duplicate_rows -> BigInt,
        refused_rows -> BigInt,
        refused_csv -> Text,
        problem -> Nullable<Text>,
        created_by -> Text,
        created_at -> BigInt,
        finished_at -> Nullable<BigInt>,
        lease_until -> Nullable<BigInt>,
    }
}

diesel::table! {
    import_files (import_id) {
        import_id -> Text,
        content -> Text,
        everybody -> Bool,
        mailbox -> Nullable<Text>,
        user_id -> Text,
    }
}

diesel::table! {
    import_refused (import_id, line) {
        import_id -> Text,
        line -> BigInt,
        row_csv -> Text,
    }
}

diesel::table! {
    messages (id) {
        id -> Text,
        mailbox_id -> Text,
        contact_id -> Text,
        thread_id -> Text,
        campaign -> Nullable<Text>,
        state -> Text,
        state_reason -> Nullable<Text>,
        held_because -> Nullable<Text>,
        effective_mode -> Text,
        origin -> Text,
        author_kind -> Text,
        author_id -> Text,
        editor_kind -> Text,
        editor_id -> Text,
        is_test -> Bool,
        consent_basis -> Nullable<Text>,
        version -> Integer,
        content_hash -> Text,
        send_at -> Nullable<BigInt>,
        submitted_at -> Nullable<BigInt>,
        expires_at -> Nullable<BigInt>,
        sent_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        claims_supported -> Integer,
        claims_open -> Integer,
        claims_waived -> Integer,
        assignee_id -> Nullable<Text>,
        likeness -> Text,
        planted -> Bool,
        topic_id -> Nullable<Text>,
    }
}

diesel::table! {
    message_versions (message_id, version) {
        message_id -> Text,
        version -> Integer,
        content_hash -> Text,
        from_address -> Text,
        from_name -> Text,
        to_address -> Text,
        to_name -> Nullable<Text>,
        subject -> Text,
        text_body -> Text,
        html_body -> Nullable<Text>,
        headers -> Text,
        footer -> Text,
        editor_kind -> Text,
        editor_id -> Text,
        editor_name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    message_tags (message_id, tag) {
        message_id -> Text,
        tag -> Text,
    }
}

diesel::table! {
    message_views (message_id, viewer) {
        message_id -> Text,
        viewer -> Text,
        version -> Integer,
        seen_at -> BigInt,
        opened_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    variants (id) {
        id -> Text,
        churn_event_id -> Text,
        strategy -> Text,
        position -> Integer,
        subject -> Text,
        text_body -> Text,
        html_body -> Text,
        coupon_code -> Nullable<Text>,
        coupon_percent -> Nullable<Integer>,
        offer_id -> Nullable<Text>,
        recommended -> Bool,
        facts -> Text,
        edited_kind -> Nullable<Text>,
        edited_id -> Nullable<Text>,
        message_id -> Nullable<Text>,
        sent_at -> Nullable<BigInt>,
        created_at -> BigInt,
        drafter -> Text,
        drafter_note -> Nullable<Text>,
        model -> Nullable<Text>,
        model_run_id -> Nullable<Text>,
        clicked_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    decisions (id) {
        id -> Text,
        message_id -> Text,
        version -> Integer,
        content_hash -> Text,
        kind -> Text,
        actor_kind -> Text,
        actor_id -> Text,
        actor_name -> Text,
        reason -> Nullable<Text>,
        created_at -> BigInt,
        batch_id -> Nullable<Text>,
        dwell_ms -> Nullable<BigInt>,
    }
}

diesel::table! {
    message_snoozes (user_id, message_id) {
        user_id -> Text,
        message_id -> Text,
        until -> BigInt,
    }
}

diesel::table! {
    message_readers (message_id, user_id) {
        message_id -> Text,
        user_id -> Text,
        user_name -> Text,
        seen_at -> BigInt,
        taken_until -> Nullable<BigInt>,
        taken_from -> Nullable<Text>,
    }
}

diesel::table! {
    message_comments (id) {
        id -> Text,
        message_id -> Text,
        author_id -> Text,
        author_name -> Text,
        body -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    message_mentions (comment_id, user_id) {
        comment_id -> Text,
        user_id -> Text,
        message_id -> Text,
    }
}

diesel::table! {
    warrants (id) {
        id -> Text,
        message_id -> Text,
        version -> Integer,
        content_hash -> Text,
        decision_id -> Nullable<Text>,
        cleared_by -> Text,
        policy_version -> Integer,
        issued_at -> BigInt,
        expires_at -> BigInt,
    }
}

diesel::table! {
    outbox (message_id) {
        message_id -> Text,
        warrant_id -> Text,
        mailbox_id -> Text,
        state -> Text,
        not_before -> BigInt,
        waits_for -> Nullable<Text>,
        attempts -> Integer,
        claim_token -> Nullable<Text>,
        claimed_until -> Nullable<BigInt>,
        last_reply -> Nullable<Text>,
        updated_at -> BigInt,
        relay -> Nullable<Text>,
        unfinished -> Bool,
    }
}

diesel::table! {
    audit_log (seq) {
        seq -> BigInt,
        at -> BigInt,
        actor_kind -> Text,
        actor_id -> Text,
        actor_name -> Text,
        action -> Text,
        target_kind -> Text,
        target_id -> Text,
        mailbox_id -> Nullable<Text>,
        detail -> Text,
        request_id -> Nullable<Text>,
        network -> Nullable<Text>,
        mark -> Nullable<Text>,
    }
}

diesel::table! {
    idempotency_keys (id) {
        id -> Text,
        api_key_id -> Text,
        name -> Text,
        request_hash -> Text,
        request_id -> Text,
        created_at -> BigInt,
        lease -> Text,
        lease_until -> BigInt,
        effect_at -> Nullable<BigInt>,
        answered_at -> Nullable<BigInt>,
        status -> Nullable<Integer>,
        content_type -> Nullable<Text>,
        body -> Nullable<Text>,
        target -> Nullable<Text>,
    }
}

diesel::table! {
    api_calls (id) {
        id -> Text,
        at -> BigInt,
        key_id -> Nullable<Text>,
        key_prefix -> Nullable<Text>,
        surface -> Text,
        method -> Text,
        operation -> Text,
        scope -> Nullable<Text>,
        target_id -> Nullable<Text>,
        outcome -> Text,
        status -> Integer,
        code -> Nullable<Text>,
        replayed -> Bool,
        micros -> BigInt,
        peer -> Nullable<Text>,
        request_id -> Text,
    }
}

diesel::table! {
    unsubscribe_links (token_hash) {
        token_hash -> Text,
        message_id -> Text,
        contact_id -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    claims (message_id, version, position) {
        message_id -> Text,
        version -> Integer,
        position -> Integer,
        part -> Text,
        start_at -> Integer,
        end_at -> Integer,
        words -> Text,
        sentence -> Text,
        claim_key -> Text,
        kind -> Text,
        hard -> Bool,
        verdict -> Text,
        fact_id -> Nullable<Text>,
        fact_version -> Nullable<Integer>,
        score -> Integer,
        reason -> Text,
    }
}

diesel::table! {
    claim_waivers (message_id, claim_key) {
        message_id -> Text,
        claim_key -> Text,
        words -> Text,
        reason -> Text,
        actor_kind -> Text,
        actor_id -> Text,
        actor_name -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    promises (message_id, position) {
        message_id -> Text,
        position -> Integer,
        contact_id -> Text,
        fact_id -> Nullable<Text>,
        fact_version -> Nullable<Integer>,
        words -> Text,
        sentence -> Text,
        value_minor -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        made_at -> BigInt,
    }
}

diesel::table! {
    corrections (fact_id, fact_version, contact_id) {
        fact_id -> Text,
        fact_version -> Integer,
        contact_id -> Text,
        message_id -> Text,
    }
}

diesel::table! {
    match_judgements (churn_event_id, fact_id) {
        churn_event_id -> Text,
        fact_id -> Text,
        score -> Integer,
        accepted -> Bool,
        judged_by -> Text,
        judged_at -> BigInt,
    }
}

diesel::table! {
    model_runs (id) {
        id -> Text,
        churn_event_id -> Text,
        api -> Text,
        model -> Text,
        answered_by -> Nullable<Text>,
        prompt_version -> Text,
        sheet -> Text,
        prompt -> Text,
        answers -> Text,
        outcome -> Text,
        duration_ms -> BigInt,
        created_at -> BigInt,
    }
}

diesel::table! {
    update_rounds (fact_id) {
        fact_id -> Text,
        due_on -> Text,
        last_event -> Text,
        asked -> Integer,
        drafted -> Integer,
        finished_at -> Nullable<BigInt>,
        created_at -> BigInt,
    }
}

diesel::table! {
    approved_campaigns (name, mailbox_id) {
        name -> Text,
        mailbox_id -> Text,
    }
}

diesel::table! {
    mailbox_campaigns (name, mailbox_id) {
        name -> Text,
        mailbox_id -> Text,
    }
}

diesel::table! {
    saved_views (id) {
        id -> Text,
        owner_id -> Text,
        name -> Text,
        query -> Text,
        shared -> Bool,
        created_at -> BigInt,
    }
}

diesel::table! {
    notification_settings (user_id, mailbox_id) {
        user_id -> Text,
        mailbox_id -> Text,
        notify -> Text,
    }
}

diesel::table! {
    notice_times (user_id) {
        user_id -> Text,
        told_at -> Nullable<BigInt>,
        digest_at -> BigInt,
        revision -> BigInt,
        weekly_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    notice_told (user_id, message_id, version) {
        user_id -> Text,
        message_id -> Text,
        version -> Integer,
        at -> BigInt,
    }
}

diesel::table! {
    notices (id) {
        id -> Text,
        user_id -> Text,
        kind -> Text,
        message_id -> Text,
        by_name -> Text,
        words -> Nullable<Text>,
        created_at -> BigInt,
        done_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    notice_mails (id) {
        id -> Text,
        user_id -> Text,
        kind -> Text,
        mailbox_id -> Text,
        mailboxes -> Text,
        subject -> Text,
        text_body -> Text,
        state -> Text,
        not_before -> BigInt,
        expires_at -> BigInt,
        attempts -> Integer,
        claim_token -> Nullable<Text>,
        claimed_until -> Nullable<BigInt>,
        last_reply -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        account -> Bool,
    }
}

diesel::table! {
    password_resets (token_hash) {
        token_hash -> Text,
        user_id -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        used_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    planted_tests (message_id) {
        message_id -> Text,
        mailbox_id -> Text,
        contact_id -> Text,
        mistake -> Text,
        words -> Text,
        outcome -> Text,
        planted_at -> BigInt,
        decided_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    batches (id) {
        id -> Text,
        user_id -> Text,
        mailbox_id -> Text,
        likeness -> Text,
        campaign -> Nullable<Text>,
        created_at -> BigInt,
        decided_at -> Nullable<BigInt>,
        undone_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    batch_items (batch_id, message_id) {
        batch_id -> Text,
        message_id -> Text,
        version -> Integer,
        content_hash -> Text,
        sampled -> Bool,
        outcome -> Text,
        problem -> Nullable<Text>,
    }
}

diesel::table! {
    webhook_endpoints (id) {
        id -> Text,
        url -> Text,
        description -> Text,
        event_types -> Text,
        mailboxes -> Text,
        campaigns -> Text,
        secret -> Text,
        previous_secret -> Nullable<Text>,
        previous_until -> Nullable<BigInt>,
        disabled_at -> Nullable<BigInt>,
        disabled_because -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    webhook_events (id) {
        id -> Text,
        event_type -> Text,
        body -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    webhook_deliveries (id) {
        id -> Text,
        event_id -> Text,
        endpoint_id -> Text,
        subject -> Text,
        position -> BigInt,
        state -> Text,
        attempts -> Integer,
        next_attempt_at -> BigInt,
        claim_token -> Nullable<Text>,
        claimed_until -> Nullable<BigInt>,
        last_status -> Nullable<Integer>,
        last_answer -> Nullable<Text>,
        last_attempt_at -> Nullable<BigInt>,
        finished_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    mode_requests (id) {
        id -> Text,
        mailbox_id -> Text,
        from_mode -> Text,
        target_mode -> Text,
        reason -> Nullable<Text>,
        asker_kind -> Text,
        asker_id -> Text,
        asker_name -> Text,
        code_hash -> Text,
        wrong_codes -> Integer,
        state -> Text,
        created_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        ended_by -> Nullable<Text>,
    }
}

diesel::table! {
    stops (scope) {
        scope -> Text,
        at -> BigInt,
        actor_kind -> Text,
        actor_id -> Text,
        actor_name -> Text,
        reason -> Text,
    }
}

diesel::table! {
    delivery_attempts (message_id, started_at) {
        message_id -> Text,
        started_at -> BigInt,
        ended_at -> BigInt,
        relay -> Nullable<Text>,
        stage -> Nullable<Text>,
        outcome -> Text,
        code -> Nullable<Integer>,
        reply -> Nullable<Text>,
    }
}

diesel::table! {
    settlements (id) {
        id -> Text,
        message_id -> Text,
        at -> BigInt,
        evidence -> Text,
        verdict -> Text,
        actor_kind -> Text,
        actor_name -> Text,
        note -> Nullable<Text>,
    }
}

diesel::table! {
    journaled_addresses (address_hash) {
        address_hash -> Text,
        reason -> Text,
        at -> BigInt,
    }
}

diesel::table! {
    erased_addresses (address_hash) {
        address_hash -> Text,
        contact_id -> Text,
        erased_at -> BigInt,
    }
}

diesel::table! {
    segments (id) {
        id -> Text,
        name -> Text,
        tags -> Text,
        words -> Text,
        customers_only -> Bool,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        conditions -> Text,
    }
}

diesel::table! {
    campaigns (id) {
        id -> Text,
        name -> Text,
        kind -> Text,
        goal -> Nullable<Text>,
        segment_id -> Nullable<Text>,
        mailbox_id -> Nullable<Text>,
        stopped_at -> Nullable<BigInt>,
        stopped_by -> Nullable<Text>,
        archived_at -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        topic_id -> Nullable<Text>,
        variants -> Text,
        measure -> Text,
        shifts -> Bool,
    }
}

diesel::table! {
    campaign_counts (campaign, mailbox_id, state) {
        campaign -> Text,
        mailbox_id -> Text,
        state -> Text,
        total -> BigInt,
    }
}

diesel::table! {
    campaign_moves (id) {
        id -> Text,
        campaign -> Text,
        mailbox_id -> Text,
        from_state -> Nullable<Text>,
        to_state -> Text,
    }
}

diesel::table! {
    audit_chain (position) {
        position -> BigInt,
        seq -> BigInt,
        words_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    churn_days (day, kind, reason, mailed, currency) {
        day -> BigInt,
        kind -> Text,
        reason -> Text,
        mailed -> Bool,
        currency -> Text,
        new_number -> BigInt,
        processing_number -> BigInt,
        variants_generated_number -> BigInt,
        email_sent_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    churn_day_moves (id) {
        id -> BigInt,
        day -> BigInt,
        kind -> Text,
        reason -> Text,
        status -> Text,
        mailed -> Bool,
        currency -> Text,
        number -> BigInt,
        minor -> BigInt,
    }
}

diesel::table! {
    message_days (day, mailbox_id, campaign) {
        day -> BigInt,
        mailbox_id -> Text,
        campaign -> Text,
        drafted -> BigInt,
        held -> BigInt,
        edited -> BigInt,
        approved -> BigInt,
        rejected -> BigInt,
        waiting -> BigInt,
        on_the_way -> BigInt,
        sent -> BigInt,
        delivered -> BigInt,
        bounced -> BigInt,
        complained -> BigInt,
        ended -> BigInt,
        failed -> BigInt,
        expired -> BigInt,
    }
}

diesel::table! {
    message_day_moves (id) {
        id -> BigInt,
        day -> BigInt,
        mailbox_id -> Text,
        campaign -> Text,
        state -> Text,
        held -> Bool,
        edited -> Bool,
        number -> BigInt,
    }
}

diesel::table! {
    churn_months (day, kind, reason, mailed, currency) {
        day -> BigInt,
        kind -> Text,
        reason -> Text,
        mailed -> Bool,
        currency -> Text,
        new_number -> BigInt,
        processing_number -> BigInt,
        variants_generated_number -> BigInt,
        email_sent_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    message_months (day, mailbox_id, campaign) {
        day -> BigInt,
        mailbox_id -> Text,
        campaign -> Text,
        drafted -> BigInt,
        held -> BigInt,
        edited -> BigInt,
        approved -> BigInt,
        rejected -> BigInt,
        waiting -> BigInt,
        on_the_way -> BigInt,
        sent -> BigInt,
        delivered -> BigInt,
        bounced -> BigInt,
        complained -> BigInt,
        ended -> BigInt,
        failed -> BigInt,
        expired -> BigInt,
    }
}

diesel::table! {
    weekly_choices (user_id) {
        user_id -> Text,
        wanted -> Bool,
    }
}

diesel::table! {
    program_days (kind, of, day, place, what, word) {
        kind -> Text,
        of -> Text,
        day -> BigInt,
        place -> BigInt,
        what -> Text,
        word -> Text,
        number -> BigInt,
        amount -> BigInt,
    }
}

diesel::table! {
    program_day_moves (id) {
        id -> BigInt,
        kind -> Text,
        of -> Text,
        day -> BigInt,
        place -> BigInt,
        what -> Text,
        word -> Text,
        number -> BigInt,
        amount -> BigInt,
    }
}

diesel::table! {
    churn_part_days (part, day, value, reason, currency) {
        part -> Text,
        day -> BigInt,
        value -> Text,
        reason -> Text,
        currency -> Text,
        open_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    churn_part_months (part, day, value, reason, currency) {
        part -> Text,
        day -> BigInt,
        value -> Text,
        reason -> Text,
        currency -> Text,
        open_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    churn_part_moves (id) {
        id -> BigInt,
        part -> Text,
        day -> BigInt,
        value -> Text,
        reason -> Text,
        outcome -> Text,
        currency -> Text,
        number -> BigInt,
        minor -> BigInt,
    }
}

diesel::table! {
    segment_days (segment_id, day, reason, currency) {
        segment_id -> Text,
        day -> BigInt,
        reason -> Text,
        currency -> Text,
        open_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    segment_counts (segment_id) {
        segment_id -> Text,
        counted_at -> BigInt,
    }
}

diesel::table! {
    cohorts (id) {
        id -> Text,
        name -> Text,
        segment_id -> Nullable<Text>,
        tags -> Text,
        deadline -> Text,
        from_version -> Text,
        to_version -> Text,
        guide_url -> Nullable<Text>,
        tag_prefix -> Text,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
        plan -> Text,
        fact_id -> Nullable<Text>,
        started_by_usage -> Nullable<Text>,
    }
}

diesel::table! {
    cohort_rounds (id) {
        id -> Text,
        cohort_id -> Text,
        phase -> Text,
        slot -> Text,
        mailbox_id -> Text,
        author_kind -> Text,
        author_id -> Text,
        author_name -> Text,
        last_contact -> Text,
        drafted -> Integer,
        left_out -> Integer,
        because -> Nullable<Text>,
        finished_at -> Nullable<BigInt>,
        cancelled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        total -> Integer,
        passed_over -> Integer,
        failures -> Integer,
        retry_at -> Nullable<BigInt>,
        trouble -> Nullable<Text>,
    }
}

diesel::table! {
    cohort_comparisons (id) {
        id -> Text,
        cohort_id -> Text,
        old_title -> Text,
        new_title -> Text,
        changes -> Text,
        more -> Bool,
        proposed -> Integer,
        created_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    cohort_messages (message_id) {
        message_id -> Text,
        cohort_id -> Text,
        slot -> Text,
        phase -> Text,
        contact_id -> Text,
        deadline -> Text,
    }
}

diesel::table! {
    templates (id) {
        id -> Text,
        name -> Text,
        about -> Nullable<Text>,
        archived_at -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    template_versions (id) {
        id -> Text,
        template_id -> Text,
        version -> Integer,
        subject -> Text,
        body -> Text,
        html -> Nullable<Text>,
        variables -> Text,
        note -> Nullable<Text>,
        author_kind -> Text,
        author_id -> Text,
        author_name -> Text,
        created_at -> BigInt,
        approved_at -> Nullable<BigInt>,
        approved_by -> Nullable<Text>,
        withdrawn_at -> Nullable<BigInt>,
        withdrawn_by -> Nullable<Text>,
        taken_back_to -> Nullable<Text>,
    }
}

diesel::table! {
    template_messages (message_id) {
        message_id -> Text,
        template_version_id -> Text,
    }
}

diesel::table! {
    message_prompts (message_id) {
        message_id -> Text,
        prompt -> Text,
    }
}

diesel::table! {
    campaign_rounds (id) {
        id -> Text,
        campaign_id -> Text,
        template_version_id -> Text,
        filled -> Text,
        mailbox_id -> Text,
        holdout -> Integer,
        author_kind -> Text,
        author_id -> Text,
        author_name -> Text,
        total -> Integer,
        last_contact -> Text,
        drafted -> Integer,
        left_out -> Integer,
        held_out -> Integer,
        passed_over -> Integer,
        because -> Nullable<Text>,
        finished_at -> Nullable<BigInt>,
        cancelled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        failures -> Integer,
        retry_at -> Nullable<BigInt>,
        trouble -> Nullable<Text>,
    }
}

diesel::table! {
    enrollment_rounds (id) {
        id -> Text,
        sequence_id -> Text,
        segment_id -> Text,
        segment -> Text,
        author_name -> Text,
        total -> Integer,
        last_contact -> Text,
        enrolled -> Integer,
        left_out -> Integer,
        passed_over -> Integer,
        because -> Nullable<Text>,
        finished_at -> Nullable<BigInt>,
        cancelled_at -> Nullable<BigInt>,
        created_at -> BigInt,
        failures -> Integer,
        retry_at -> Nullable<BigInt>,
        trouble -> Nullable<Text>,
    }
}

diesel::table! {
    campaign_contacts (campaign_id, template_id, contact_id) {
        campaign_id -> Text,
        template_id -> Text,
        contact_id -> Text,
        message_id -> Nullable<Text>,
    }
}

diesel::table! {
    sequences (id) {
        id -> Text,
        name -> Text,
        mailbox_id -> Text,
        campaign -> Text,
        steps -> Text,
        author_kind -> Text,
        author_id -> Text,
        author_name -> Text,
        archived_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
        numbers -> Text,
        paused_at -> Nullable<BigInt>,
        paused_by -> Nullable<Text>,
        automatic -> Bool,
        measure -> Text,
        shifts -> Bool,
        stop_tags -> Text,
    }
}

diesel::table! {
    enrollments (id) {
        id -> Text,
        sequence_id -> Text,
        contact_id -> Text,
        state -> Text,
        position -> Integer,
        ready_at -> Nullable<BigInt>,
        stopped_because -> Nullable<Text>,
        created_at -> BigInt,
        updated_at -> BigInt,
        shift -> Integer,
        stopped_why -> Nullable<Text>,
        segment_id -> Nullable<Text>,
    }
}

diesel::table! {
    sequence_sends (enrollment_id, step) {
        enrollment_id -> Text,
        step -> Integer,
        message_id -> Text,
        variant -> Text,
        sent_at -> Nullable<BigInt>,
        replied_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    signals (id) {
        id -> Text,
        contact_id -> Text,
        kind -> Text,
        value -> Nullable<Text>,
        happy -> Bool,
        external_id -> Nullable<Text>,
        happened_at -> BigInt,
        recorded_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    referrals (id) {
        id -> Text,
        contact_id -> Text,
        code -> Text,
        target_url -> Text,
        by_admin -> Bool,
        clicks -> BigInt,
        conversions -> BigInt,
        last_click_at -> Nullable<BigInt>,
        last_conversion_at -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    referral_salts (day) {
        day -> Text,
        salt -> Text,
    }
}

diesel::table! {
    referral_visitors (referral_id, visitor) {
        referral_id -> Text,
        visitor -> Text,
        day -> Text,
    }
}

diesel::table! {
    referral_conversions (id) {
        id -> Text,
        referral_id -> Text,
        external_id -> Nullable<Text>,
        email_hash -> Nullable<Text>,
        contact_id -> Nullable<Text>,
        value_minor -> Nullable<BigInt>,
        currency -> Nullable<Text>,
        recorded_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    referral_rewards (id) {
        id -> Text,
        referral_id -> Text,
        conversion_id -> Text,
        amount -> BigInt,
        unit -> Text,
        message_id -> Nullable<Text>,
        recorded_by -> Text,
        created_at -> BigInt,
    }
}

diesel::table! {
    churn_sources (id) {
        id -> Text,
        provider -> Text,
        name -> Text,
        secret -> Text,
        origins -> Text,
        enabled -> Bool,
        last_event_at -> Nullable<BigInt>,
        last_error -> Nullable<Text>,
        last_error_at -> Nullable<BigInt>,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    intake_events (id) {
        id -> Text,
        source_id -> Nullable<Text>,
        provider -> Text,
        event_id -> Nullable<Text>,
        event_type -> Text,
        outcome -> Text,
        note -> Nullable<Text>,
        churn_event_id -> Nullable<Text>,
        occurred_at -> Nullable<BigInt>,
        received_at -> BigInt,
    }
}

diesel::table! {
    churn_signals (scope, event_id) {
        scope -> Text,
        event_id -> Text,
        subject -> Text,
        customer_id -> Nullable<Text>,
        kind -> Text,
        occurred_at -> BigInt,
        details -> Text,
        source -> Text,
        churn_event_id -> Nullable<Text>,
        received_at -> BigInt,
    }
}

diesel::table! {
    churn_subjects (scope, subject) {
        scope -> Text,
        subject -> Text,
        revision -> BigInt,
    }
}

diesel::table! {
    provider_customers (scope, customer_id) {
        scope -> Text,
        customer_id -> Text,
        email -> Nullable<Text>,
        name -> Nullable<Text>,
        observed_at -> BigInt,
    }
}

diesel::table! {
    usage_days (contact_id, day, name) {
        contact_id -> Text,
        day -> Text,
        name -> Text,
        events -> BigInt,
        total -> BigInt,
    }
}

diesel::table! {
    usage_taken (event_id) {
        event_id -> Text,
        taken_at -> BigInt,
    }
}

diesel::table! {
    inactivity_rules (id) {
        id -> Text,
        days -> Integer,
        plans -> Text,
        tags -> Text,
        enabled -> Bool,
        last_contact -> Text,
        next_run_at -> BigInt,
        found -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    inactivity_periods (contact_id) {
        contact_id -> Text,
        last_active_at -> BigInt,
    }
}

diesel::table! {
    topics (id) {
        id -> Text,
        name -> Text,
        description -> Text,
        wanted -> Bool,
        archived_at -> Nullable<BigInt>,
        created_by -> Text,
        created_at -> BigInt,
        updated_at -> BigInt,
    }
}

diesel::table! {
    topic_choices (contact_id, topic_id) {
        contact_id -> Text,
        topic_id -> Text,
        wanted -> Bool,
        chosen_by -> Text,
        chosen_at -> BigInt,
    }
}

diesel::table! {
    preferences (contact_id) {
        contact_id -> Text,
        most_per_week -> Nullable<Integer>,
        paused_until -> Nullable<BigInt>,
        changed_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    mailbox_footers (mailbox_id) {
        mailbox_id -> Text,
        topic_id -> Nullable<Text>,
        undisclosed_because -> Nullable<Text>,
        changed_by -> Text,
        updated_at -> BigInt,
    }
}

diesel::table! {
    opt_ins (token_hash) {
        token_hash -> Text,
        contact_id -> Text,
        message_id -> Text,
        purpose -> Text,
        source -> Text,
        wording -> Nullable<Text>,
        jurisdiction -> Nullable<Text>,
        asked_by -> Text,
        asked_at -> BigInt,
        expires_at -> BigInt,
        confirmed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    contact_sources (contact_id) {
        contact_id -> Text,
        source -> Text,
        elsewhere -> Bool,
        import_id -> Nullable<Text>,
        file_name -> Nullable<Text>,
        basis -> Nullable<Text>,
        obtained_at -> BigInt,
        recorded_by -> Text,
        recorded_at -> BigInt,
    }
}

diesel::table! {
    data_requests (id) {
        id -> Text,
        contact_id -> Text,
        kind -> Text,
        law -> Text,
        received_at -> BigInt,
        acknowledge_by -> Nullable<BigInt>,
        acknowledged_at -> Nullable<BigInt>,
        due_at -> BigInt,
        extended_because -> Nullable<Text>,
        done_at -> Nullable<BigInt>,
        done_by -> Nullable<Text>,
        note -> Nullable<Text>,
        recorded_by -> Text,
    }
}

diesel::table! {
    message_classes (message_id) {
        message_id -> Text,
        class -> Text,
    }
}

diesel::table! {
    mailbox_pace (mailbox_id) {
        mailbox_id -> Text,
        per_minute -> Integer,
        per_domain_minute -> Integer,
        warmup_first -> Integer,
        warmup_percent -> Integer,
        warmup_target -> Integer,
        warmup_since -> Nullable<BigInt>,
        bounce_limit -> Integer,
        complaint_limit -> Integer,
        spike_percent -> Integer,
        health -> Text,
        health_because -> Nullable<Text>,
        health_since -> Nullable<BigInt>,
        armed_at -> BigInt,
        waits_until -> BigInt,
        waits_for -> Nullable<Text>,
    }
}

diesel::table! {
    sends (message_id) {
        message_id -> Text,
        mailbox_id -> Text,
        contact_id -> Text,
        domain -> Text,
        commercial -> Bool,
        topic -> Nullable<Text>,
        campaign -> Nullable<Text>,
        step -> Nullable<Text>,
        outcome -> Nullable<Text>,
        at -> BigInt,
    }
}

diesel::table! {
    mailbox_days (mailbox_id, day) {
        mailbox_id -> Text,
        day -> Text,
        sent -> BigInt,
        bounced -> BigInt,
        complained -> BigInt,
    }
}

diesel::table! {
    sender_domains (domain) {
        domain -> Text,
        checked_at -> BigInt,
        aligned -> Bool,
        findings -> Text,
    }
}

diesel::table! {
    domain_slots (mailbox_id, domain) {
        mailbox_id -> Text,
        domain -> Text,
        next_at -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(mailbox_members, mailboxes);
diesel::allow_tables_to_appear_in_same_query!(mailbox_members, users);
diesel::allow_tables_to_appear_in_same_query!(mailboxes, stops);
diesel::allow_tables_to_appear_in_same_query!(messages, mailboxes);
diesel::allow_tables_to_appear_in_same_query!(messages, contacts);
diesel::allow_tables_to_appear_in_same_query!(messages, template_messages);
diesel::allow_tables_to_appear_in_same_query!(messages, message_versions);
diesel::allow_tables_to_appear_in_same_query!(messages, outbox);
diesel::allow_tables_to_appear_in_same_query!(messages, decisions);
diesel::allow_tables_to_appear_in_same_query!(outbox, mailboxes);
diesel::allow_tables_to_appear_in_same_query!(outbox, message_versions);
diesel::allow_tables_to_appear_in_same_query!(outbox, contacts);
diesel::allow_tables_to_appear_in_same_query!(churn_events, contacts);
diesel::allow_tables_to_appear_in_same_query!(segments, segment_counts);
diesel::allow_tables_to_appear_in_same_query!(users, weekly_choices);
diesel::allow_tables_to_appear_in_same_query!(contacts, customers);
diesel::allow_tables_to_appear_in_same_query!(contacts, contact_tags);
diesel::allow_tables_to_appear_in_same_query!(messages, message_tags);
diesel::allow_tables_to_appear_in_same_query!(mailboxes, message_versions);
diesel::allow_tables_to_appear_in_same_query!(mailboxes, contacts);
diesel::allow_tables_to_appear_in_same_query!(contacts, message_versions);
diesel::allow_tables_to_appear_in_same_query!(variants, churn_events);
diesel::allow_tables_to_appear_in_same_query!(inbound_emails, inbound_email_tags);
diesel::allow_tables_to_appear_in_same_query!(warrants, outbox);
diesel::allow_tables_to_appear_in_same_query!(messages, warrants);
diesel::allow_tables_to_appear_in_same_query!(warrants, decisions);
diesel::allow_tables_to_appear_in_same_query!(outbox, message_tags);
diesel::allow_tables_to_appear_in_same_query!(variants, messages);
diesel::allow_tables_to_appear_in_same_query!(mailboxes, message_tags);
diesel::allow_tables_to_appear_in_same_query!(sessions, users);
diesel::allow_tables_to_appear_in_same_query!(api_calls, api_keys);
diesel::allow_tables_to_appear_in_same_query!(contacts, message_tags);
diesel::allow_tables_to_appear_in_same_query!(message_versions, message_tags);
diesel::allow_tables_to_appear_in_same_query!(contact_tags, customers);
diesel::allow_tables_to_appear_in_same_query!(contacts, suppressions);
diesel::allow_tables_to_appear_in_same_query!(inbound_emails, mailboxes);
diesel::allow_tables_to_appear_in_same_query!(inbound_emails, inbound_raw);
diesel::allow_tables_to_appear_in_same_query!(inbound_email_tags, mailboxes);
diesel::allow_tables_to_appear_in_same_query!(messages, suppressions);
diesel::allow_tables_to_appear_in_same_query!(outbox, contact_tags);
diesel::allow_tables_to_appear_in_same_query!(messages, contact_tags);
diesel::allow_tables_to_appear_in_same_query!(warrants, message_versions);
diesel::allow_tables_to_appear_in_same_query!(outbox, suppressions);
diesel::allow_tables_to_appear_in_same_query!(decisions, message_tags);
diesel::allow_tables_to_appear_in_same_query!(inbound_emails, messages);
diesel::allow_tables_to_appear_in_same_query!(inbound_emails, leads);
diesel::table! {
    message_ways (state) {
        state -> Text,
        approved -> BigInt,
        rejected -> BigInt,
        waiting -> BigInt,
        on_the_way -> BigInt,
        sent -> BigInt,
        delivered -> BigInt,
        bounced -> BigInt,
        complained -> BigInt,
        ended -> BigInt,
        failed -> BigInt,
        expired -> BigInt,
    }
}

diesel::table! {
    churn_weeks (day, kind, reason, mailed, currency) {
        day -> BigInt,
        kind -> Text,
        reason -> Text,
        mailed -> Bool,
        currency -> Text,
        new_number -> BigInt,
        processing_number -> BigInt,
        variants_generated_number -> BigInt,
        email_sent_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    churn_part_weeks (part, day, value, reason, currency) {
        part -> Text,
        day -> BigInt,
        value -> Text,
        reason -> Text,
        currency -> Text,
        open_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    segment_weeks (day, segment_id, reason, currency) {
        day -> BigInt,
        segment_id -> Text,
        reason -> Text,
        currency -> Text,
        open_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    segment_months (day, segment_id, reason, currency) {
        day -> BigInt,
        segment_id -> Text,
        reason -> Text,
        currency -> Text,
        open_number -> BigInt,
        back_number -> BigInt,
        lost_number -> BigInt,
        open_minor -> BigInt,
        back_minor -> BigInt,
        lost_minor -> BigInt,
    }
}

diesel::table! {
    desk_decisions (decision_id) {
        decision_id -> Text,
        message_id -> Text,
        mailbox_id -> Text,
        kind -> Text,
        wait_ms -> Nullable<BigInt>,
        edited -> Nullable<Bool>,
        created_at -> BigInt,
        read_ms -> Nullable<BigInt>,
        by_machine -> Bool,
        changed -> Bool,
    }
}

diesel::table! {
    read_bounds (up_to) {
        up_to -> BigInt,
    }
}

diesel::table! {
    wait_bounds (up_to) {
        up_to -> BigInt,
    }
}

diesel::table! {
    desk_days (day, mailbox_id, what, up_to) {
        day -> BigInt,
        mailbox_id -> Text,
        what -> Text,
        up_to -> BigInt,
        number -> BigInt,
    }
}

diesel::table! {
    desk_months (day, mailbox_id, what, up_to) {
        day -> BigInt,
        mailbox_id -> Text,
        what -> Text,
        up_to -> BigInt,
        number -> BigInt,
    }
}

diesel::table! {
    desk_day_moves (id) {
        id -> BigInt,
        day -> BigInt,
        mailbox_id -> Text,
        what -> Text,
        up_to -> BigInt,
        number -> BigInt,
    }
}

diesel::joinable!(messages -> mailboxes (mailbox_id));
diesel::allow_tables_to_appear_in_same_query!(outbox, decisions);
diesel::allow_tables_to_appear_in_same_query!(outbox, settings);
diesel::allow_tables_to_appear_in_same_query!(facts, fact_versions);
diesel::allow_tables_to_appear_in_same_query!(claims, messages);
diesel::allow_tables_to_appear_in_same_query!(claims, facts);
diesel::allow_tables_to_appear_in_same_query!(claims, contacts);
diesel::allow_tables_to_appear_in_same_query!(claims, outbox);
diesel::allow_tables_to_appear_in_same_query!(facts, outbox);
diesel::allow_tables_to_appear_in_same_query!(facts, messages);
diesel::allow_tables_to_appear_in_same_query!(claims, message_versions);
diesel::allow_tables_to_appear_in_same_query!(facts, message_tags);
diesel::allow_tables_to_appear_in_same_query!(decisions, message_versions);
diesel::allow_tables_to_appear_in_same_query!(messages, users);
diesel::allow_tables_to_appear_in_same_query!(messages, message_snoozes);
diesel::allow_tables_to_appear_in_same_query!(messages, message_comments);
diesel::allow_tables_to_appear_in_same_query!(message_versions, users);
diesel::allow_tables_to_appear_in_same_query!(message_versions, message_snoozes);
diesel::allow_tables_to_appear_in_same_query!(message_versions, message_comments);
diesel::allow_tables_to_appear_in_same_query!(mailboxes, users);
diesel::allow_tables_to_appear_in_same_query!(mailboxes, message_snoozes);
diesel::allow_tables_to_appear_in_same_query!(mailboxes, message_comments);
diesel::allow_tables_to_appear_in_same_query!(users, message_snoozes);
diesel::allow_tables_to_appear_in_same_query!(users, message_comments);
diesel::allow_tables_to_appear_in_same_query!(message_snoozes, message_comments);
diesel::allow_tables_to_appear_in_same_query!(saved_views, users);
diesel::allow_tables_to_appear_in_same_query!(messages, message_readers);
diesel::allow_tables_to_appear_in_same_query!(message_mentions, users);
diesel::allow_tables_to_appear_in_same_query!(notice_told, messages);
diesel::allow_tables_to_appear_in_same_query!(notice_told, message_versions);
diesel::allow_tables_to_appear_in_same_query!(notice_told, outbox);
diesel::allow_tables_to_appear_in_same_query!(notice_told, warrants);
diesel::allow_tables_to_appear_in_same_query!(notice_told, message_snoozes);
diesel::allow_tables_to_appear_in_same_query!(notices, messages);
diesel::allow_tables_to_appear_in_same_query!(notices, message_versions);
diesel::allow_tables_to_appear_in_same_query!(notices, decisions);
diesel::allow_tables_to_appear_in_same_query!(notice_mails, users);
diesel::allow_tables_to_appear_in_same_query!(notice_mails, mailboxes);
diesel::allow_tables_to_appear_in_same_query!(planted_tests, contacts);
diesel::allow_tables_to_appear_in_same_query!(planted_tests, contact_tags);
diesel::allow_tables_to_appear_in_same_query!(planted_tests, customers);
diesel::allow_tables_to_appear_in_same_query!(claim_waivers, messages);
diesel::joinable!(webhook_deliveries -> webhook_events (event_id));
diesel::joinable!(webhook_deliveries -> webhook_endpoints (endpoint_id));
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhook_events);
diesel::allow_tables_to_appear_in_same_query!(webhook_deliveries, webhook_endpoints);
diesel::allow_tables_to_appear_in_same_query!(webhook_events, webhook_endpoints);
diesel::allow_tables_to_appear_in_same_query!(campaigns, messages);
diesel::allow_tables_to_appear_in_same_query!(campaigns, outbox);
diesel::allow_tables_to_appear_in_same_query!(sequence_sends, messages);
diesel::allow_tables_to_appear_in_same_query!(sequence_sends, inbound_emails);
diesel::allow_tables_to_appear_in_same_query!(sequence_sends, enrollments);
diesel::allow_tables_to_appear_in_same_query!(sequence_sends, sequences);
diesel::allow_tables_to_appear_in_same_query!(enrollments, contacts);
diesel::allow_tables_to_appear_in_same_query!(enrollments, messages);
diesel::allow_tables_to_appear_in_same_query!(cohort_messages, cohorts);
diesel::allow_tables_to_appear_in_same_query!(cohort_messages, messages);
diesel::allow_tables_to_appear_in_same_query!(enrollments, sequences);
diesel::allow_tables_to_appear_in_same_query!(referrals, contacts);
diesel::allow_tables_to_appear_in_same_query!(referrals, referral_rewards);
diesel::allow_tables_to_appear_in_same_query!(churn_events, churn_signals);
diesel::allow_tables_to_appear_in_same_query!(imports, import_files);
diesel::allow_tables_to_appear_in_same_query!(churn_events, winback_picks);
diesel::allow_tables_to_appear_in_same_query!(customers, churn_events);
diesel::allow_tables_to_appear_in_same_query!(customers, inactivity_periods);
diesel::allow_tables_to_appear_in_same_query!(contacts, inbound_emails);
diesel::allow_tables_to_appear_in_same_query!(contacts, data_requests);
diesel::allow_tables_to_appear_in_same_query!(messages, message_classes);
diesel::allow_tables_to_appear_in_same_query!(contacts, warrants);
diesel::allow_tables_to_appear_in_same_query!(message_classes, contacts);
diesel::allow_tables_to_appear_in_same_query!(sends, messages);
diesel::allow_tables_to_appear_in_same_query!(outbox, mailbox_pace);
diesel::allow_tables_to_appear_in_same_query!(sends, outbox);
diesel::allow_tables_to_appear_in_same_query!(desk_decisions, decisions);
diesel::allow_tables_to_appear_in_same_query!(audit_chain, audit_log);
