"""The console's pages and APIs."""

from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView

from enterprise.api import metrics, v1, v3
from enterprise.views import (
    alerts,
    audit,
    cloud,
    connect,
    difference,
    digest,
    downloads,
    enterprise_settings,
    erasure,
    groups,
    history,
    home,
    how_to,
    identity,
    insights_allocation,
    insights_changes,
    insights_duplicates,
    insights_forecast,
    insights_reclaim,
    instance,
    instance_edit,
    instances,
    licensing,
    lists,
    members,
    overview,
    person,
    profile,
    runs,
    tokens,
    uploads,
    webhooks,
)
from enterprise.views.styleguide import styleguide

_cloud = [
    path("edit", cloud.edit, name="cloud_edit"),
    path("sync", cloud.sync_now, name="cloud_sync"),
    path("test", cloud.test, name="cloud_test"),
    path("runs/<int:run_id>/progress", cloud.progress, name="cloud_progress"),
]

_instance = [
    path("edit", instance_edit.edit, name="instance_edit"),
    path("remove", instances.remove, name="instance_remove"),
    path("enable", instances.connect_on, name="connect_on"),
    path("disable", instances.connect_off, name="connect_off"),
    path("license-sync", instances.license_sync, name="instance_license_sync"),
    path("schedule", instances.schedule, name="instance_schedule"),
    path("sync", instances.sync_now, name="instance_sync"),
    path("test", instances.test, name="instance_test"),
    path("runs/<int:run_id>/progress", instances.progress, name="instance_progress"),
]

_members = [
    path("new", members.member_add, name="member_add"),
    path("<int:pk>/role", members.member_role, name="member_role"),
    path("<int:pk>/remove", members.member_remove_view, name="member_remove"),
    path("<int:pk>/link", members.member_link, name="member_link"),
]

_tokens = [
    path("new", tokens.token_new, name="token_new"),
    path("<int:pk>/revoke", tokens.token_revoke_view, name="token_revoke"),
]

_alerts = [
    path("new", alerts.alert_new, name="alert_new"),
    path("<int:pk>/edit", alerts.alert_edit_view, name="alert_edit"),
    path("<int:pk>/remove", alerts.alert_remove_view, name="alert_remove"),
    path("<int:pk>/test", alerts.alert_test_view, name="alert_test"),
    path("deliveries/<int:pk>/redeliver", alerts.alert_redeliver, name="alert_redeliver"),
]

_webhooks = [
    path("new", webhooks.webhook_new, name="webhook_new"),
    path("<int:pk>", webhooks.webhook, name="webhook"),
    path("<int:pk>/edit", webhooks.webhook_edit_view, name="webhook_edit"),
    path("<int:pk>/remove", webhooks.webhook_remove_view, name="webhook_remove"),
    path("<int:pk>/test", webhooks.webhook_test, name="webhook_test"),
    path("<int:pk>/enable", webhooks.webhook_on, name="webhook_on"),
    path("<int:pk>/deliveries/<int:delivery_pk>", webhooks.delivery, name="delivery"),
]

_run = [
    path("live", runs.run_live, name="run_live"),
    path("cancel", runs.run_cancel_view, name="run_cancel"),
    path("apply", runs.run_apply_view, name="run_apply"),
    path("discard", runs.run_discard_view, name="run_discard"),
    path("again", runs.run_again, name="run_again"),
]

_insights = [
    path("duplicates", insights_duplicates.duplicates, name="duplicates"),
    path("allocation", insights_allocation.allocation, name="allocation"),
    path("allocation.csv", insights_allocation.allocation_csv, name="allocation_csv"),
    path("cost-centers", insights_allocation.cost_centers, name="cost_centers"),
    path("cost-centers.csv", insights_allocation.cost_centers_csv, name="cost_centers_csv"),
    path(
        "cost-centers/upload", insights_allocation.cost_centers_upload, name="cost_centers_upload"
    ),
    path(
        "cost-centers/forget",
        insights_allocation.cost_centers_forget_view,
        name="cost_centers_forget",
    ),
    path("cost-centers/erase", insights_allocation.cost_centers_delete, name="cost_centers_delete"),
    path("changes", insights_changes.changes, name="changes"),
    path("forecast", insights_forecast.forecast, name="forecast"),
    path("trend.csv", insights_forecast.trend_csv, name="trend_csv"),
    path("duplicates.csv", insights_duplicates.duplicates_csv, name="duplicates_csv"),
    path("duplicates/<int:pk>", insights_duplicates.duplicate, name="duplicate"),
    path("duplicates/<int:pk>/reopen", insights_duplicates.duplicate_back, name="duplicate_reopen"),
    path("reclaim", insights_reclaim.reclaim, name="reclaim"),
    path("reclaim.csv", insights_reclaim.reclaim_csv, name="reclaim_csv"),
    path("reclaim/persons/<int:number>", insights_reclaim.exemption, name="exemption"),
    path("reclaim/plans/<int:pk>", insights_reclaim.plan, name="plan"),
    path("reclaim/plans/<int:pk>.csv", insights_reclaim.plan_csv, name="plan_csv"),
    path("reclaim/plans/<int:pk>/end", insights_reclaim.plan_end_view, name="plan_end"),
]

_enterprise: list[URLPattern | URLResolver] = [
    path("recount", overview.recount_state, name="recount_state"),
    path("licensing", licensing.licensing, name="licensing"),
    path("licensing.csv", downloads.licensing_csv, name="licensing_csv"),
    path("licensing/persons/<int:number>", person.person, name="person"),
    path("licensing/persons/<int:number>/erase", erasure.person_erase_view, name="person_erase"),
    path("licensing/history", history.history, name="history"),
    path("licensing/compare", history.compare, name="compare"),
    path("licensing/compare.csv", history.compare_csv, name="compare_csv"),
    path("licensing/difference", difference.difference, name="difference"),
    path("licensing/difference.csv", difference.difference_csv, name="difference_csv"),
    path("licensing/lists", lists.lists, name="lists"),
    path("licensing/lists/<slug:name>", lists.a_list, name="list"),
    path("licensing/lists/<slug:name>.csv", lists.list_csv, name="list_csv"),
    path("insights/", include(_insights)),
    path("instances/<int:pk>", instance.instance, name="instance"),
    path("runs", runs.runs, name="runs"),
    path("runs/<int:pk>", runs.run, name="run"),
    path("runs/<int:pk>/", include(_run)),
    path("settings/connect", connect.connect, name="connect"),
    path("settings/connect/sync-all", connect.sync_all, name="sync_all"),
    path("settings/connect/upload", uploads.upload, name="upload"),
    path("settings/connect/cloud/", include(_cloud)),
    path("settings/connect/instances/new", instance_edit.add, name="instance_add"),
    path("settings/connect/instances/<int:pk>/", include(_instance)),
    path("settings/general", enterprise_settings.enterprise_settings, name="enterprise_settings"),
    path("settings/members", members.members, name="members"),
    path("settings/members/", include(_members)),
    path("settings/groups", groups.groups, name="groups"),
    path("settings/groups/<int:pk>/remove", groups.group_remove, name="group_remove"),
    path("settings/tokens", tokens.tokens, name="tokens"),
    path("settings/tokens/", include(_tokens)),
    path("settings/alerts", alerts.alerts, name="alerts"),
    path("settings/alerts.csv", alerts.alert_history_csv, name="alert_history_csv"),
    path("settings/alerts/", include(_alerts)),
    path("settings/digest", digest.digest, name="digest"),
    path("settings/digest/send", digest.digest_send_view, name="digest_send"),
    path(
        "settings/digest/deliveries/<int:failure_pk>/redeliver",
        digest.digest_redeliver,
        name="digest_redeliver",
    ),
    path("settings/webhooks", webhooks.webhooks, name="webhooks"),
    path("settings/webhooks/", include(_webhooks)),
    path("settings/audit", audit.audit_log, name="audit_log"),
    path("settings/audit.csv", audit.audit_csv, name="audit_csv"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("sign-in/<str:token>", home.sign_in_link, name="sign_in_link"),
    path("enterprises/new", home.enterprise_new, name="enterprise_new"),
    path("enterprises/<slug:slug>", overview.overview, name="overview"),
    path("enterprises/<slug:slug>/", include(_enterprise)),
    path("settings", RedirectView.as_view(pattern_name="profile")),
    path("settings/profile", profile.profile, name="profile"),
    path("settings/sign-in/<slug:provider_id>/confirm", identity.confirm, name="identity_confirm"),
    path("settings/sign-in/<slug:provider_id>/link", identity.link, name="identity_link"),
    path("settings/sign-in/<slug:provider_id>/unlink", identity.unlink, name="identity_unlink"),
    path("help/<slug:page>", how_to.help_page, name="help_page"),
    path("api/v1/", RedirectView.as_view(pattern_name="api-v1:openapi-view")),
    path("api/v1/", v1.api.urls),
    re_path(r"^api/v1(?:/|$)", v1.unknown),
    path("api/v3", v3.root),
    path("api/v3/", include("enterprise.api.urls")),
    path("metrics", metrics.metrics, name="metrics"),
    path("styleguide", styleguide, name="styleguide"),
]
