"""The audit log: which session or token, sealed batches, and triggers that keep it append-only.

On SQLite a migration that remakes one of the tables drops its triggers, and has to make them again
(``guard``).
"""

import django.db.models.deletion
from django.db import migrations, models

# Never changed: what stands in an event or a batch. Only with the door open (``AuditDoor``): what goes,
# and how a batch is marked. An event gets its batch once.
EVENT = "id, enterprise_id, at, actor, actor_kind, via, ip_address, action, target, before, after"
BATCH = "id, enterprise_id, number, sealed_at, events, digest, seal"
REFUSED = "the audit log is append-only"
SHUT = "NOT EXISTS (SELECT 1 FROM enterprise_auditdoor)"

# (name, table, when, condition or "" for always)
TRIGGERS = (
    ("audit_event_kept", "enterprise_auditevent", "DELETE", SHUT),
    ("audit_event_fixed", "enterprise_auditevent", f"UPDATE OF {EVENT}", ""),
    (
        "audit_event_sealed",
        "enterprise_auditevent",
        "UPDATE OF batch_id",
        "(OLD.batch_id IS NOT NULL OR NEW.batch_id IS NULL)",
    ),
    ("audit_batch_kept", "enterprise_auditbatch", "DELETE", SHUT),
    ("audit_batch_fixed", "enterprise_auditbatch", f"UPDATE OF {BATCH}", ""),
    ("audit_batch_marked", "enterprise_auditbatch", "UPDATE OF signature, expired_at", SHUT),
)
POSTGRESQL_FUNCTIONS = (
    f"""
    CREATE OR REPLACE FUNCTION licsync_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION licsync_audit_door() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF {SHUT} THEN
            RAISE EXCEPTION '{REFUSED}' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD WHEN 'UPDATE' THEN NEW END;
    END $$
    """,
)


def guard(apps, schema_editor):
    """Make the triggers that are not there."""
    if schema_editor.connection.vendor == "postgresql":
        _guard_postgresql(schema_editor)
    else:
        for name, table, when, condition in TRIGGERS:
            schema_editor.execute(
                f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {when} ON {table}"
                + (f" WHEN {condition}" if condition else "")
                + f" BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
            )


def _guard_postgresql(schema_editor):
    for statement in POSTGRESQL_FUNCTIONS:
        schema_editor.execute(statement)
    for name, table, when, condition in TRIGGERS:
        # A WHEN of PostgreSQL takes no subquery: the function looks at the door.
        function = "licsync_audit_door" if condition == SHUT else "licsync_audit_refuse"
        clause = f"WHEN {condition}" if condition not in ("", SHUT) else ""
        schema_editor.execute(
            f"CREATE OR REPLACE TRIGGER {name} BEFORE {when} ON {table}"
            f" FOR EACH ROW {clause} EXECUTE FUNCTION {function}()"
        )
    for table in ("enterprise_auditevent", "enterprise_auditbatch"):
        schema_editor.execute(
            f"CREATE OR REPLACE TRIGGER audit_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION licsync_audit_door()"
        )


def unguard(apps, schema_editor):
    postgresql = schema_editor.connection.vendor == "postgresql"
    for name, table, _when, _condition in TRIGGERS:
        schema_editor.execute(
            f"DROP TRIGGER IF EXISTS {name}{f' ON {table}' if postgresql else ''}"
        )
    if postgresql:
        for table in ("enterprise_auditevent", "enterprise_auditbatch"):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS audit_emptied ON {table}")
        for function in ("licsync_audit_refuse", "licsync_audit_door"):
            schema_editor.execute(f"DROP FUNCTION IF EXISTS {function}()")


class Migration(migrations.Migration):
    dependencies = [
        ("enterprise", "0003_search_index"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditDoor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=40)),
            ],
        ),
        migrations.AddField(
            model_name="auditevent",
            name="via",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        migrations.CreateModel(
            name="AuditBatch",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveBigIntegerField()),
                ("sealed_at", models.DateTimeField()),
                ("events", models.PositiveIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("seal", models.CharField(max_length=64)),
                ("signature", models.CharField(max_length=64)),
                ("expired_at", models.DateTimeField(null=True)),
                (
                    "enterprise",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="audit_batches",
                        to="enterprise.enterprise",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="auditevent",
            name="batch",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="sealed",
                to="enterprise.auditbatch",
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["batch", "id"], name="audit_by_batch"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("batch", None)), fields=["id"], name="audit_unsealed"
            ),
        ),
        migrations.AddConstraint(
            model_name="auditbatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("enterprise__isnull", False)),
                fields=("enterprise", "number"),
                name="audit_batch_number_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditbatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("enterprise", None)),
                fields=("number",),
                name="audit_batch_number_once_console",
            ),
        ),
        migrations.RunPython(guard, unguard),
    ]
