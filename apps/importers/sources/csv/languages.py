"""What trackers write in other languages: headers, priorities and statuses, each with what English exports write. Pure.

German, French, Spanish, Portuguese, Italian, Dutch, Polish, Russian, Japanese: as Jira, Redmine and Azure DevOps
translate themselves, and as people call their own columns. What is the same in English is not repeated. A language is
added by its names in each row; whoever is not sure of a name leaves it out: such a column is told as not read.
"""

import re
from collections.abc import Mapping

from apps.common.texts.composing import normalized

# fmt: off
#: A header of an English export → its names elsewhere.
HEADERS: Mapping[str, str] = {
    "Issue key": (
        "Vorgangsschlüssel, Schlüssel, Vorgangsnummer, Clé de ticket, Clé du ticket, Clé de la demande, Clé, "
        "Clave de incidencia, Clave, Chave da item, Chave do item, Chave, Chiave, Sleutel, Klucz zgłoszenia, Klucz, "
        "Ключ проблемы, Ключ запроса, Ключ задачи, Ключ, 課題キー, キー"
    ),
    "Issue id": (
        "Vorgangs-ID, ID de ticket, ID du ticket, ID de la incidencia, ID da item, ID do item, Id. zgłoszenia, "
        "Идентификатор проблемы, ID проблемы, ID задачи, 課題 ID"
    ),
    "Summary": "Zusammenfassung, Résumé, Resumen, Resumo, Riepilogo, Samenvatting, Podsumowanie, Тема, Резюме, 要約",
    "Title": "Titel, Titre, Título, Titolo, Tytuł, Заголовок, Название, タイトル, 件名",
    "Subject": "Betreff, Thema, Sujet, Asunto, Tema, Assunto, Oggetto, Onderwerp, Temat, 題名",
    "Description": (
        "Beschreibung, Descripción, Descrição, Descrizione, "
        "Beschrijving, Omschrijving, Opis, Описание, 説明"
    ),
    "Issue Type": (
        "Vorgangstyp, Type de ticket, Type de demande, Tipo de incidencia, Tipo de item, Tipo di ticket, Tipo ticket, "
        "Typ zgłoszenia, Тип задачи, Тип запроса, Тип проблемы, 課題タイプ"
    ),
    "Work Item Type": (
        "Arbeitselementtyp, Arbeitsaufgabentyp, Type d'élément de travail, Tipo de elemento de trabajo, "
        "Tipo de item de trabalho, Tipo di elemento di lavoro"
    ),
    "Type": "Typ, Tipo, Тип, タイプ, 種別",
    "Tracker": "Typ zagadnienia, Трекер, トラッカー",
    "Parent": "Übergeordnet, Übergeordnetes Element, Element nadrzędny, Родитель, 親",
    "Parent key": "Clé parent, Clave principal, Chave pai, 親キー",
    "Parent id": "Übergeordnete ID, ID parent, Principal, ID pai",
    "Parent task": (
        "Übergeordnete Aufgabe, Übergeordnetes Ticket, Tâche parente, Tarea padre, Tarefa pai, Родительская задача, "
        "親チケット, Tarefa mãe, Tarefa principal, Attività principale, Hoofdissue, Zagadnienie nadrzędne"
    ),
    "Blocked by": (
        "Wird blockiert von, Blockiert durch, Bloquée par, Bloqué par, Bloqueada por, Bloqueado por, Bloccato da, "
        "Bloccata da, Geblokkeerd door"
    ),
    "Blocks": "Blockiert, Bloque, Bloquea, Bloqueia, Blocca, Blokkeert",
    "Predecessors": "Vorgänger, Prédécesseurs, Predecesores, Predecessores, Predecessori",
    "Status": "Estado, État, Statut, Situação, Stato, Статус, ステータス, 状態",
    "Status Category": (
        "Statuskategorie, Catégorie d'état, Catégorie de statut, Categoría de estado, Categoria do status, "
        "Categoria di stato, Statuscategorie, Kategoria statusu, Категория статуса, ステータスカテゴリ"
    ),
    "Status Category Changed": "Statuskategorie geändert",
    "Resolution": (
        "Lösung, Résolution, Resolución, Resolução, Risoluzione, Oplossing, Rozwiązanie, Резолюция, Решение, 解決状況"
    ),
    "Priority": "Priorität, Priorité, Prioridad, Prioridade, Priorità, Prioriteit, Priorytet, Приоритет, 優先度",
    "Component": "Komponente, Composant, Componente, Komponent, Компонент, コンポーネント",
    "Components": "Komponenten, Composants, Componentes, Componenti, Componenten, Komponenty, Компоненты",
    "Project": "Projekt, Projet, Proyecto, Projeto, Progetto, Проект, プロジェクト",
    "Project name": (
        "Projektname, Nom du projet, Nombre del proyecto, Nome do projeto, Nome del progetto, Projectnaam, "
        "Nazwa projektu, Название проекта, プロジェクト名"
    ),
    "Area Path": "Bereichspfad",
    "Iteration Path": "Iterationspfad",
    "Reporter": "Rapporteur, Informador, Relator, Segnalatore, Melder, Zgłaszający, 報告者",
    # Jira calls whom an issue comes from its author, in German and Russian.
    "Author": "Autor, Auteur, Autore, Автор",
    "Creator": "Ersteller, Créateur, Creador, Criador, Creatore, Twórca, Создатель, 作成者",
    "Assignee": (
        "Bearbeiter, Zugewiesene Person, Responsable, Personne assignée, Persona asignada, Responsável, Assegnatario, "
        "Osoba przypisana, Исполнитель, 担当者"
    ),
    "Assigned to": (
        "Zugewiesen an, Zugewiesen zu, Assigné à, Affecté à, Asignado a, Atribuído a, Atribuído para, Assegnato a, "
        "Toegewezen aan, Przypisany do, Назначена"
    ),
    "Sprint": "Спринт, スプリント",
    "Story Points": "Story-Punkte, Puntos de historia, Pontos de história, ストーリーポイント",
    "Story point estimate": "Story Point-Schätzung",
    "Original Estimate": (
        "Ursprüngliche Schätzung, Estimation originale, Estimación original, Estimativa original, Stima originale, "
        "Oorspronkelijke schatting, Pierwotne oszacowanie, "
        "Первоначальная оценка, Исходная оценка, 初期見積もり, 初期見積り"
    ),
    "Estimated time": (
        "Geschätzter Aufwand, Geschätzte Zeit, Temps estimé, Tiempo estimado, Tempo estimado, Tempo stimato, "
        "Geschatte tijd, Szacowany czas, Оценка временных затрат, 予定工数"
    ),
    "Estimated hours": "Geschätzte Stunden, Heures estimées, Horas estimadas, Ore stimate",
    "Planned hours": "Planstunden",
    "Time Spent": (
        "Benötigte Zeit, Zeitaufwand, Temps passé, Temps consacré, Tiempo trabajado, Tiempo dedicado, Tempo gasto, "
        "Tempo impiegato, Bestede tijd, Czas poświęcony, Затраченное время, Затрачено времени, 消費時間"
    ),
    "Spent time": "Aufgewendete Zeit, Gespendeerde tijd, Przepracowany czas, Трудозатраты, 作業時間",
    "Hours": "Stunden, Heures, Horas, Ore, Uren, Godziny, Часы",
    "Actual hours": "Ist-Stunden, Heures réelles, Horas reales, Horas reais",
    # By itself 'Aufwand' may be hours or points.
    "Actual effort hours": "Aufwand Stunden, Aufwand h",
    "Completed Work": (
        "Abgeschlossene Arbeit, Travail effectué, Travail terminé, Trabajo completado, Trabalho concluído, "
        "Lavoro completato"
    ),
    "Remaining Work": "Verbleibende Arbeit, Travail restant, Trabajo restante, Trabalho restante, Lavoro rimanente",
    "Created": (
        "Erstellt, Erstellt am, Angelegt, Création, Créé, Créé le, Creada, Creado, Criado, Criado em, Creato, Creata, "
        "Aangemaakt, Aangemaakt op, Utworzono, Utworzone, Создано, 作成日"
    ),
    "Created Date": (
        "Erstellungsdatum, Erstelldatum, Date de création, Fecha de creación, Data de criação, Data di creazione, "
        "Data utworzenia, Дата создания"
    ),
    "Updated": (
        "Aktualisiert, Mise à jour, Mis à jour, Actualizada, Actualizado, Atualizado, Aggiornato, Aggiornata, "
        "Alterado, Alterado em, Bijgewerkt, Laatst gewijzigd op, Zaktualizowano, Обновлено, 更新日"
    ),
    "Changed Date": (
        "Änderungsdatum, Date de modification, Fecha de modificación, Data de modificação, Data modyfikacji"
    ),
    "Resolved": (
        "Erledigt, Erledigt am, Gelöst, Résolu, Résolue, Resuelta, Resuelto, Resolvido, Resolvida, Risolto, Risolta, "
        "Opgelost, Rozwiązano, Решено, Дата решения, 解決日"
    ),
    "Resolution date": "Date de résolution, Fecha de resolución, Data de resolução, Data di risoluzione",
    "Completed": "Abgeschlossen, Terminé, Completado, Concluído, Completato, Voltooid, Zakończono, Завершено",
    "Closed": "Geschlossen, Fermé, Cerrado, Cerrada, Fechado, Chiuso, Gesloten, Zamknięte, Закрыто, Закрыта",
    "Closed Date": (
        "Abschlussdatum, Geschlossen am, Date de clôture, Date de fermeture, Fecha de cierre, Data de fechamento, "
        "Data di chiusura, Data zamknięcia, Дата закрытия"
    ),
    # The end of work in Redmine, and of a plan elsewhere.
    "Finish date": "終了日",
    "Started": "Begonnen, Gestartet, Démarré, Iniciado, Iniciada",
    "Start date": (
        "Startdatum, Beginn, Date de début, Début, Fecha de inicio, Data de início, Início, Data di inizio, "
        "Inizio, Begindatum, Data rozpoczęcia, Дата начала, 開始日"
    ),
    "Due Date": (
        "Fälligkeitsdatum, Fällig am, Abgabedatum, Date d'échéance, Échéance, Fecha de vencimiento, "
        "Data de vencimento, Data limite, Data prevista, Data di scadenza, Scadenza, Vervaldatum, Termin wykonania, "
        "Echéance, Fecha fin, Data de fim, Verwachte einddatum, Data oddania, Срок исполнения, Срок завершения, "
        "期限, 期日"
    ),
    "Labels": "Stichwörter, Étiquettes, Etiquetas, Rótulos, Etichette, Etykiety, Метки, ラベル",
    "Tags": "Schlagwörter, Schlagworte, Balises, Теги, タグ",
    "Category": "Kategorie, Catégorie, Categoría, Categoria, Categorie, Kategoria, Категория, カテゴリ",
}
#: What stands before the name of a field that a site made itself: 'Custom field (Story Points)'.
CUSTOM_FIELD = (
    "Custom field, Benutzerdefinierte Felder, Benutzerdefiniertes Feld, Champs personnalisés, Champ personnalisé, "
    "Campo personalizado, Campos personalizados, Campo personalizzato, Aangepast veld, Pole niestandardowe, "
    "Pole własne, Пользовательское поле, カスタムフィールド"
)
#: Whether something is so.
FLAGS = (
    "yes, no, y, n, x, true, false, ja, nein, wahr, falsch, oui, non, vrai, faux, sí, verdadero, falso, sim, não, "
    "verdadeiro, sì, vero, nee, waar, onwaar, tak, nie, prawda, fałsz, да, нет, истина, ложь, はい, いいえ"
)
#: A priority's rank → its names.
PRIORITIES: Mapping[int, str] = {
    1: (
        "Höchste, Höchster, Dringend, Sofort, Kritisch, Blockierend, La plus haute, La plus élevée, Très haute, "
        "Très élevée, Urgente, Immédiate, Immédiat, Critique, Bloquante, Bloquant, Más alta, La más alta, Muy alta, "
        "Inmediata, Crítica, Crítico, Mais alta, Muito alta, Imediata, Più alta, Molto alta, Massima, Immediata, "
        "Critica, Critico, Hoogste, Spoed, Onmiddellijk, Kritiek, Najwyższy, Pilny, Natychmiastowy, Krytyczny, "
        "Наивысший, Самый высокий, Срочный, Немедленный, Критический, Блокирующий, 最高, 今すぐ, 急いで"
    ),
    2: (
        "Hoch, Haute, Haut, Élevée, Élevé, Majeure, Majeur, Alta, Alto, Mayor, "
        "Maggiore, Hoog, Wysoki, Высокий, 高, 高め"
    ),
    3: (
        "Mittel, Mittlere, Moyenne, Moyen, Normale, Media, Medio, Média, Médio, Gemiddeld, Normaal, Średni, Normalny, "
        "Средний, Нормальный, 中, 通常"
    ),
    4: (
        "Niedrig, Gering, Basse, Bas, Faible, Mineure, Mineur, Baja, Bajo, Menor, Baixa, Baixo, Bassa, Basso, Minore, "
        "Laag, Niski, Низкий, 低, 低め"
    ),
    5: (
        "Niedrigste, Niedrigster, La plus basse, Très basse, Triviale, Más baja, La más baja, Muy baja, Mais baixa, "
        "Muito baixa, Più bassa, Molto bassa, Minima, Laagste, Najniższy, Самый низкий, 最低"
    ),
}
#: A category of statuses → the names of its statuses; of what was dropped, of resolutions too.
STATUSES: Mapping[str, str] = {
    "to_do": (
        "Zu erledigen, Offen, Neu, Erneut geöffnet, Wiedereröffnet, Geplant, Nicht begonnen, Bereit, À faire, "
        "Ouvert(e), Ouvert, Nouveau, Nouvelle, Réouvert(e), Rouvert(e), Planifié, Por hacer, Tareas por hacer, "
        "Abierto, Abierta, Nuevo, Nueva, Reabierto, Reabierta, Pendiente, A fazer, Tarefas pendentes, Aberto, Aberta, "
        "Novo, Nova, Reaberto, Reaberta, Pendente, Da fare, Da completare, Aperto, Aperta, Nuovo, Riaperto, Riaperta, "
        "Te doen, Nieuw, Heropend, Do zrobienia, Otwarte, Otwarty, Nowe, Nowy, Ponownie otwarte, К выполнению, "
        "Сделать, Открыто, Открыт, Открыта, Новый, Новая, Новое, Переоткрыт, "
        "Переоткрыто, 未着手, 新規, 未対応, オープン"
    ),
    "in_progress": (
        "In Arbeit, In Bearbeitung, In Umsetzung, In Entwicklung, Wird ausgeführt, Wird bearbeitet, Begonnen, Aktiv, "
        "In Prüfung, In Überprüfung, Im Test, Blockiert, Wartend, En cours, "
        "En cours de développement, En développement, "
        "En test, En revue, En attente, Bloqué, En curso, En progreso, En proceso, En desarrollo, En revisión, "
        "En pruebas, Bloqueado, Bloqueada, En espera, Em andamento, Em progresso, Em curso, Em desenvolvimento, "
        "Em revisão, Em teste, Em testes, In corso, In lavorazione, In elaborazione, In sviluppo, In revisione, "
        "Bloccato, Bloccata, In attesa, In uitvoering, In behandeling, Wordt uitgevoerd, Bezig, Geblokkeerd, W toku, "
        "W trakcie, W trakcie realizacji, Zablokowane, В работе, В процессе, Выполняется, В разработке, Тестирование, "
        "На проверке, 進行中, 作業中, 処理中, レビュー中"
    ),
    "done": (
        "Fertig, Erledigt, Geschlossen, Gelöst, Abgeschlossen, Behoben, Terminé(e), Terminé, Fermé(e), Fermé, "
        "Résolu(e), Résolu, Clos, Fini, Livré, Listo, Lista, Hecho, Hecha, Finalizado, Finalizada, Terminado, "
        "Terminada, Completado, Completada, Cerrado, Cerrada, Resuelto, Resuelta, Concluído, Concluída, "
        "Itens concluídos, Feito, Fechado, Fechada, Resolvido, Resolvida, Completato, Completata, Fatto, Chiuso, "
        "Chiusa, Risolto, Risolta, Gereed, Klaar, Afgerond, Voltooid, Gesloten, Opgelost, Gotowe, Zrobione, Ukończone, "
        "Zakończone, Zamknięte, Zamknięty, Rozwiązane, Rozwiązany, Готово, Выполнено, Выполнена, Завершено, Закрыто, "
        "Закрыт, Закрыта, Решено, Решен, Решена, Решён, 完了, 解決, 解決済み, 終了, クローズ"
    ),
    "dropped": (
        "Wird nicht erledigt, Duplikat, Abgebrochen, Abgelehnt, Abgewiesen, Verworfen, Nicht reproduzierbar, "
        "No se hará, Duplicado, Duplicada, Cancelado, Cancelada, Rechazado, Rechazada, No se puede reproducir, "
        "Ne sera pas fait, Doublon, Annulé(e), Annulé, Rejeté(e), Rejeté, Impossible à reproduire, Não será feito, "
        "Rejeitado, Rejeitada, Annullato, Annullata, Rifiutato, Rifiutata, Duplicato, Geannuleerd, Afgewezen, "
        "Duplicaat, Anulowane, Odrzucone, Odrzucony, Duplikat, Отклонено, Отклонен, Отклонена, Отменено, Отменен, "
        "Отменена, Дубликат, Не будет исправлено, 却下, キャンセル, 重複"
    ),
}
# fmt: on


#: Blanks and punctuation, without the signs that make another thing of a name: '% erledigt' is no end.
_NO_LETTERS = re.compile(r"(?:[^\w%‰％∑±$€£¥]|_)+")


def plain(name: str) -> str:
    """A name without case, blanks and punctuation; letters count whole, however a file composes them."""
    return _NO_LETTERS.sub("", normalized("NFC", name.casefold()))


def names_in(row: str) -> list[str]:
    """The names of a row of these tables, plain."""
    return [plain(name) for name in row.split(",")]


_ENGLISH = {name: plain(english) for english, row in HEADERS.items() for name in names_in(row)}
_CUSTOM = frozenset(names_in(CUSTOM_FIELD))
_FLAGS = frozenset(names_in(FLAGS))
_WITHIN = re.compile(r"(?P<kind>[^()]++)\((?P<name>.*)\)\s*", re.DOTALL)


def in_english(header: str) -> str:
    """The plain name that the English export of the same tracker has for a header; its own where none is known."""
    within = _WITHIN.fullmatch(header)
    if within and plain(within["kind"]) in _CUSTOM:
        return "customfield" + in_english(within["name"])
    name = plain(header)
    return _ENGLISH.get(name, name)


def is_flag(text: str) -> bool:
    """Whether a cell tells only whether something is so."""
    return plain(text) in _FLAGS
