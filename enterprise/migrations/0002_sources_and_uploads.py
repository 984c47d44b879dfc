from django.db import migrations, models
from django.db.models import F


def remember_sources(apps, schema_editor):
    """What is applied was read from the source that is set: nothing could switch it unseen before."""
    instances = apps.get_model("enterprise", "ServerInstance").objects
    instances.exclude(applied_as_of=None).update(applied_source=F("source"))


class Migration(migrations.Migration):
    dependencies = [
        ("enterprise", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="serverinstance",
            name="applied_source",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="idempotency_key",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="source",
            field=models.CharField(
                blank=True,
                choices=[
                    ("site_admin_report", "Site-admin report"),
                    ("cloud_copy", "The cloud's copy"),
                    ("upload", "Upload only"),
                ],
                max_length=20,
            ),
        ),
        migrations.RunPython(remember_sources, migrations.RunPython.noop, elidable=True),
    ]
