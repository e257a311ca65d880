"""Holidays, worked ones among them; inferred dates of sprints; what a source saw change when."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('projects', '0008_where_from'),
    ]

    operations = [
        migrations.AddField(
            model_name='issue',
            name='last_moved_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='issue',
            name='last_touched_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='project',
            name='holiday_country',
            field=models.CharField(blank=True, max_length=8),
        ),
        migrations.AddField(
            model_name='project',
            name='holiday_region',
            field=models.CharField(blank=True, max_length=32),
        ),
        migrations.AddField(
            model_name='sprint',
            name='dates_are_inferred',
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name='WorkedHoliday',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField()),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='worked_holidays', to='projects.project')),
            ],
            options={
                'ordering': ['day'],
                'constraints': [models.UniqueConstraint(fields=('project', 'day'), name='projects_worked_holiday_once')],
            },
        ),
    ]
