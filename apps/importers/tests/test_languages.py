"""The same issues, exported by a tracker that speaks another language, give the same facts."""

import csv
import io
import unicodedata
from dataclasses import asdict

import pytest

from apps.importers.sources.csv import languages
from apps.importers.sources.csv.columns import SYNONYMS, detect_columns, unit_by_name
from apps.importers.tests.files import issues, reading
from apps.importers.writing.workflow import category_of
from apps.projects.levels import level_of

ENGLISH = (
    "Summary, Issue key, Issue id, Issue Type, Status, Priority, Resolution, Assignee, Author, Created, Updated, "
    "Resolved, Due Date, Description, Original Estimate, Time Spent, Components, Labels, Sprint, "
    "Custom field (Story Points), Parent, Status Category"
)
#: The headers of `ENGLISH`; to do, in progress, done and dropped; priorities, the most urgent first; a sub-task.
LANGUAGES = {
    "English": (ENGLISH, "To Do, In Progress, Done, Duplicate", "Highest, High, Medium, Low, Lowest", "Sub-task"),
    "German": (
        "Zusammenfassung, Vorgangsschlüssel, Vorgangs-ID, Vorgangstyp, Status, Priorität, Lösung, Zugewiesene Person, "
        "Autor, Erstellt, Aktualisiert, Erledigt, Fälligkeitsdatum, Beschreibung, Ursprüngliche Schätzung, "
        "Benötigte Zeit, Komponenten, Stichwörter, Sprint, Benutzerdefinierte Felder (Story Points), Übergeordnet, "
        "Statuskategorie",
        "Zu erledigen, In Arbeit, Erledigt, Duplikat",
        "Höchste, Hoch, Mittel, Niedrig, Niedrigste",
        "Unteraufgabe",
    ),
    "French": (
        "Résumé, Clé de ticket, ID de ticket, Type de ticket, État, Priorité, "
        "Résolution, Responsable, Auteur, Création, "
        "Mise à jour, Résolution, Date d'échéance, Description, Estimation originale, Temps passé, Composants, "
        "Étiquettes, Sprint, Champs personnalisés (Story Points), Parent, Catégorie d'état",
        "À faire, En cours, Terminé(e), Doublon",
        "La plus haute, Haute, Moyenne, Basse, La plus basse",
        "Sous-tâche",
    ),
    "Spanish": (
        "Resumen, Clave de incidencia, ID de la incidencia, Tipo de Incidencia, Estado, Prioridad, Resolución, "
        "Persona asignada, Informador, Creada, Actualizada, Resuelta, Fecha de vencimiento, Descripción, "
        "Estimación original, Tiempo Trabajado, Componentes, Etiquetas, Sprint, Campo personalizado (Story Points), "
        "Principal, Categoría de estado",
        "Por hacer, En curso, Listo, Duplicado",
        "Más alta, Alta, Media, Baja, Más baja",
        "Subtarea",
    ),
    "Portuguese": (
        "Resumo, Chave da item, ID da item, Tipo de item, Status, Prioridade, Resolução, Responsável, Relator, Criado, "
        "Atualizado, Resolvido, Data limite, Descrição, Estimativa original, Tempo gasto, Componentes, Etiquetas, "
        "Sprint, Campo personalizado (Story Points), Chave pai, Categoria do status",
        "Tarefas pendentes, Em andamento, Concluído, Duplicado",
        "Mais alta, Alta, Média, Baixa, Mais baixa",
        "Subtarefa",
    ),
    "Italian": (
        "Riepilogo, Chiave, Issue id, Tipo ticket, Stato, Priorità, Risoluzione, Assegnatario, Autore, Creato, "
        "Aggiornato, Risolto, Data di scadenza, Descrizione, Stima originale, Tempo impiegato, Componenti, Etichette, "
        "Sprint, Campo personalizzato (Story Points), Parent, Categoria di stato",
        "Da fare, In corso, Completato, Duplicato",
        "Massima, Alta, Media, Bassa, Minima",
        "Sottotask",
    ),
    "Dutch": (
        "Samenvatting, Sleutel, Issue-ID, Issuetype, Status, Prioriteit, Oplossing, "
        "Toegewezen aan, Auteur, Aangemaakt, "
        "Bijgewerkt, Opgelost, Vervaldatum, Beschrijving, Oorspronkelijke schatting, "
        "Bestede tijd, Componenten, Labels, "
        "Sprint, Aangepast veld (Story Points), Parent, Statuscategorie",
        "Te doen, In uitvoering, Gereed, Duplicaat",
        "Hoogste, Hoog, Gemiddeld, Laag, Laagste",
        "Subtaak",
    ),
    "Polish": (
        "Podsumowanie, Klucz zgłoszenia, Id. zgłoszenia, Typ zgłoszenia, Status, Priorytet, Rozwiązanie, "
        "Osoba przypisana, Zgłaszający, Utworzono, Zaktualizowano, Rozwiązano, Termin wykonania, Opis, "
        "Pierwotne oszacowanie, Czas poświęcony, Komponenty, Etykiety, Sprint, Pole niestandardowe (Story Points), "
        "Element nadrzędny, Kategoria statusu",
        "Do zrobienia, W toku, Gotowe, Duplikat",
        "Najwyższy, Wysoki, Średni, Niski, Najniższy",
        "Podzadanie",
    ),
    "Russian": (
        "Тема, Ключ проблемы, Идентификатор проблемы, Тип задачи, Статус, Приоритет, Решение, Исполнитель, Автор, "
        "Создано, Обновлено, Дата решения, Срок исполнения, Описание, Первоначальная оценка, Затраченное время, "
        "Компоненты, Метки, Спринт, Пользовательское поле (Story Points), Родитель, Категория статуса",
        "К выполнению, В работе, Готово, Дубликат",
        "Самый высокий, Высокий, Средний, Низкий, Самый низкий",
        "Подзадача",
    ),
    "Japanese": (
        "要約, 課題キー, 課題 ID, 課題タイプ, ステータス, 優先度, 解決状況, 担当者, 報告者, "
        "作成日, 更新日, 解決日, 期限, 説明, "
        "初期見積もり, 消費時間, コンポーネント, ラベル, スプリント, "
        "カスタムフィールド (Story Points), 親, ステータスカテゴリ",
        "未着手, 進行中, 完了, 重複",
        "最高, 高, 中, 低, 最低",
        "サブタスク",
    ),
}
ROWS = 5


def _export(language: str, *, delimiter: str = ",", day: str = "2026-02-{:02} 10:00") -> str:
    """Five issues as Jira writes them in a language."""
    headers, statuses, priorities, sub_task = LANGUAGES[language]
    names = [name.strip() for name in statuses.split(",")]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(name.strip() for name in headers.split(","))
    for n, priority in enumerate(priorities.split(",")):
        status, ended = names[min(n, 2)], day.format(n + 9) if n > 1 else ""
        # The last one ended without being delivered: so says its resolution.
        resolution = names[3] if n == ROWS - 1 else ""
        writer.writerow([
            f"Fix {n}", f"TM-{n}", 1000 + n, sub_task if n else "Story", status, priority.strip(), resolution, "Ada",
            "Bo",
            day.format(n + 1), day.format(n + 20), ended, day.format(n + 10), "Text", 3600 * n, 1830 * n, "Shop", "red",
            "Sprint 1", n, "TM-0" if n else "", status,
        ])  # fmt: skip
    return text.getvalue()


def _facts(path) -> list[dict]:
    """What the issues of a file are, with what its words mean in place of them."""
    found = [asdict(issue) for issue in issues(path)]
    for fact in found:
        for name in ("status", "status_category", "resolution"):
            fact[name] = category_of(fact[name])
        fact["issue_type"] = level_of(fact["issue_type"])
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_export_in_any_language_gives_the_facts_of_the_english_one(write, language):
    english = _facts(write(_export("English"), "english.csv"))
    assert [fact["status"] for fact in english] == ["to_do", "in_progress", "done", "done", "done"]
    assert (english[4]["resolution"], english[4]["actual_hours"], english[4]["priority"]) == (
        "dropped",
        4 * 1830 / 3600,
        5,
    )

    path = write(_export(language))
    assert _facts(path) == english
    assert reading(path).columns.notes == ()
    assert reading(path).columns.unread == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_sums_and_shares_in_front_take_no_fields_place(write, language):
    names, *rows = csv.reader(io.StringIO(_export(language)))
    beside = [f"{sign} {name}" for name in names for sign in ("Σ", "%")]
    text = io.StringIO()
    csv.writer(text).writerows([[*beside, *names], *([*([100] * len(beside)), *row] for row in rows)])

    path = write(text.getvalue())
    assert _facts(path) == _facts(write(_export(language), "without.csv"))
    assert reading(path).columns.unread == tuple(dict.fromkeys(beside))


def test_a_german_export_of_a_german_spreadsheet_does_so_too(write):
    german = _export("German", delimiter=";", day="{:02}.02.2026 10:00").encode("cp1252")

    assert _facts(write(german)) == _facts(write(_export("English"), "english.csv"))


def test_letters_that_a_file_composes_of_two_signs_are_the_same(write):
    apart = unicodedata.normalize("NFD", _export("German"))

    assert _facts(write(apart)) == _facts(write(_export("English"), "english.csv"))


def test_a_name_means_one_thing():
    for table in (languages.HEADERS, languages.PRIORITIES, languages.STATUSES):
        meanings = [(name, meaning) for meaning, row in table.items() for name in set(languages.names_in(row))]
        assert len(dict(meanings)) == len(meanings)


def test_no_english_name_is_taken_for_one_of_another_language():
    english = {name for names in SYNONYMS.values() for name in names}

    assert not english & {name for row in languages.HEADERS.values() for name in languages.names_in(row)}


@pytest.mark.parametrize(
    ("header", "field"),
    [("Geschätzter Aufwand", "estimated_hours"), ("Aufgewendete Zeit", "actual_hours"), ("Abgabedatum", "due_date"),
     ("Assigné à", "assignee"), ("Data prevista", "due_date"), ("予定工数", "estimated_hours")],
)  # fmt: skip
def test_redmine_is_read_in_its_own_languages(header, field):
    assert detect_columns(["Thema", header]).names() == {"title": "Thema", field: header}


def test_times_of_azure_devops_are_hours_in_german_too(write):
    path = write("Arbeitselementtyp,Titel,Abgeschlossene Arbeit,Ursprüngliche Schätzung\nBug,Fix,16,80\n")

    (issue,) = issues(path)
    assert (issue.actual_hours, issue.estimated_hours) == (16.0, 80.0)


@pytest.mark.parametrize(
    ("header", "cell", "hours"),
    [("Benötigte Zeit (Std.)", "90", 90.0), ("Estimativa Original (segundos)", "7200", 2.0),
     ("Temps passé", "2 j", 16.0),
     ("Tiempo trabajado", "1 semana 2 horas", 42.0), ("Затраченное время", "3 ч", 3.0)],
)  # fmt: skip
def test_units_are_read_in_other_languages(write, header, cell, hours):
    (issue,) = issues(write(f"Title;{header}\nFix;{cell}\n"))

    assert hours in (issue.actual_hours, issue.estimated_hours)


def test_a_column_that_is_chosen_is_the_one_that_is_spelled_so(write):
    path = write("Summary,Zusammenfassung\nFix,Mach\n")

    assert [issues(path, title=name)[0].title for name in ("Summary", "Zusammenfassung")] == ["Fix", "Mach"]


def test_of_two_columns_of_one_field_the_english_one_is_read():
    assert detect_columns(["Issue key", "Summary", "Titel"]).names()["title"] == "Summary"
    assert detect_columns(["Issue key", "Titel", "Summary"]).names()["title"] == "Summary"


@pytest.mark.parametrize(
    ("column", "unit"),
    [("Working Hours (minutes)", "minutes"), ("X Hours in seconds", "seconds"), ("Horas (minutos)", "minutes")],
)
def test_of_two_units_in_a_name_the_last_one_counts(column, unit):
    assert unit_by_name(column, ["Title", column]) == (unit, "")


@pytest.mark.parametrize(
    "words", [("1 - Fixed", "2 - Duplicate"), ("Fixed in 4.2", "Won't fix"), ("20", "10"), ("4.2.1", "4.2.2")]
)
@pytest.mark.parametrize("header", ["Resolution", "Résolution", "Lösung"])
def test_a_resolution_with_digits_is_how_work_ended_and_not_when(write, header, words):
    rows = "".join(f"A-{n},x,Closed,{word},2026-01-01,2026-02-0{n}\n" for n, word in enumerate(words, 1))

    found = issues(write(f"Issue key,Summary,Status,{header},Created,Resolved\n{rows}"))

    assert [(issue.resolution, issue.resolved_at.day) for issue in found] == list(zip(words, (1, 2), strict=True))
