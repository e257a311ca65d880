"""All columns that trackers export, as they name them."""

#: Tracker → field → the names of its columns; '' for those that are nobody's.
EXPORTS = {
    "Jira": {
        "external_id": "Issue key", "source_id": "Issue id", "title": "Summary", "issue_type": "Issue Type",
        "status": "Status", "component": "Component/s, Components, Project name", "priority": "Priority",
        "resolution": "Resolution", "assignee": "Assignee, Assignee Id",
        "reporter": "Reporter, Reporter Id, Creator", "created_at": "Created", "last_touched_at": "Updated",
        "resolved_at": "Resolved", "due_date": "Due date", "description": "Description",
        "estimated_hours": "Original estimate", "actual_hours": "Time Spent", "labels": "Labels",
        "sprint": "Sprint", "story_points": "Custom field (Story Points), Custom field (Story point estimate)",
        "parent": "Parent, Parent key, Parent id", "status_category": "Status Category",
        "last_moved_at": "Status Category Changed", "blocked_by": "Inward issue link (Blocks)",
        "blocks": "Outward issue link (Blocks)",
        "": (
            "Project key, Project type, Project lead, Project lead id, Project description, Project url, Creator Id, "
            "Last Viewed, Affects Version/s, Affects versions, Fix Version/s, Fix versions, Votes, Environment, "
            "Watchers, Watchers Id, Remaining Estimate, Work Ratio, Σ Original Estimate, Σ Remaining Estimate, "
            "Σ Time Spent, Security Level, Inward issue link (Cloners), Outward issue link (Cloners), "
            "Inward issue link (Relates), Outward issue link (Duplicate), Attachment, Comment, Log Work, "
            "Parent summary, Custom field (Actual start), Custom field (Actual end), Custom field (Start date), "
            "Custom field (Target start), Custom field (Target end), Custom field (Change completion date), "
            "Custom field (Epic Name), Custom field (Epic Status), Custom field (Epic Color), "
            "Custom field (Flagged), Custom field (Rank), Custom field (Team), Custom field (Development), "
            "Custom field (Time to resolution), Custom field (Time to done), Custom field (Category), "
            "Custom field ([CHART] Date of First Response), Custom field ([CHART] Time in Status)"
        ),
    },
    "Redmine": {
        "external_id": "#", "title": "Subject", "issue_type": "Tracker", "status": "Status", "priority": "Priority",
        "component": "Project", "parent": "Parent task", "reporter": "Author", "assignee": "Assignee",
        "last_touched_at": "Updated", "labels": "Category", "started_at": "Start date", "due_date": "Due date",
        "estimated_hours": "Estimated time", "actual_hours": "Spent time", "created_at": "Created",
        "resolved_at": "Closed", "description": "Description",
        "": (
            "Parent task subject, Target version, Total estimated time, Total spent time, % Done, Last updated by, "
            "Related issues, Files, Private, Last notes, Watchers"
        ),
    },
    "Azure DevOps": {
        "external_id": "ID", "title": "Title", "issue_type": "Work Item Type", "status": "State",
        "assignee": "Assigned To", "component": "Area Path", "sprint": "Iteration Path", "sprint_id": "Iteration Id",
        "labels": "Tags", "priority": "Priority", "story_points": "Effort, Story Points, Size",
        "estimated_hours": "Original Estimate", "actual_hours": "Completed Work", "created_at": "Created Date",
        "reporter": "Created By", "last_touched_at": "Changed Date", "last_moved_at": "State Change Date",
        "started_at": "Activated Date, Start Date", "resolved_at": "Closed Date, Resolved Date, Finish Date",
        "resolution": "Resolved Reason", "due_date": "Due Date", "parent": "Parent", "description": "Description",
        "": (
            "Reason, Remaining Work, Changed By, Activated By, Resolved By, Closed By, Target Date, Value Area, "
            "Business Value, Time Criticality, Risk, Severity, Activity, Board Column, Board Column Done, "
            "Board Lane, "
            "Acceptance Criteria, Repro Steps, System Info, Rev, Team Project, Node Name, Comment Count, Stack Rank, "
            "Backlog Priority, Blocked, Requires Review, Requires Test, Discipline, Committed, Found In, "
            "Integration Build, Area ID, Area Level 1, Iteration Level 1, Authorized Date, Revised Date, "
            "External Link Count, Related Link Count, Attached File Count, Watermark, History"
        ),
    },
    "GitLab": {
        "external_id": "Issue ID", "title": "Title", "description": "Description", "status": "State",
        "reporter": "Author, Author Username", "assignee": "Assignee, Assignee Username", "due_date": "Due Date",
        "created_at": "Created At (UTC)", "last_touched_at": "Updated At (UTC)", "resolved_at": "Closed At (UTC)",
        "story_points": "Weight", "labels": "Labels", "estimated_hours": "Time Estimate",
        "actual_hours": "Time Spent", "component": "Epic Title",
        "": "URL, Confidential, Locked, Milestone, Epic ID, Health Status",
    },
    "GitHub": {
        "external_id": "number", "source_id": "node_id", "title": "title", "description": "body",
        "status": "state, Status",
        "resolution": "state_reason", "labels": "labels", "reporter": "user, author", "assignee": "assignees",
        "created_at": "created_at", "last_touched_at": "updated_at", "resolved_at": "closed_at",
        "parent": "Parent issue", "issue_type": "type", "story_points": "Estimate, Size", "priority": "Priority",
        "sprint": "Iteration", "started_at": "Start date",
        "": (
            "url, html_url, milestone, comments, closed_by, locked, active_lock_reason, author_association, "
            "Repository, "
            "Linked pull requests, Reviewers, Sub-issues progress, Target date, reactions, draft, isPinned"
        ),
    },
    "Linear": {
        "external_id": "ID", "source_id": "UUID", "title": "Title", "description": "Description", "status": "Status",
        "story_points": "Estimate", "priority": "Priority", "component": "Project", "reporter": "Creator",
        "assignee": "Assignee", "labels": "Labels", "sprint": "Cycle Name", "sprint_id": "Cycle Number",
        "sprint_starts_on": "Cycle Start", "sprint_ends_on": "Cycle End", "created_at": "Created",
        "last_touched_at": "Updated", "started_at": "Started", "resolved_at": "Completed", "dropped_at": "Canceled",
        "due_date": "Due Date", "parent": "Parent issue", "blocked_by": "Blocked by",
        "": (
            "Team, Project ID, Triaged, Archived, Initiatives, Project Milestone ID, Project Milestone, SLA Status, "
            "Roadmaps, Time in status (minutes), Related to, Duplicate of"
        ),
    },
    "YouTrack": {
        "external_id": "Issue Id", "title": "Summary", "component": "Project", "labels": "Tags",
        "reporter": "Reporter", "created_at": "Created", "last_touched_at": "Updated", "resolved_at": "Resolved",
        "priority": "Priority", "issue_type": "Type", "status": "State", "assignee": "Assignee",
        "actual_hours": "Spent time", "story_points": "Story points", "sprint": "Sprints", "due_date": "Due Date",
        "description": "Description",
        "": (
            "Subsystem, Fix versions, Affected versions, Fixed in build, Votes, Star, Voters, Updated by, "
            "Commenters, Visible to, Kanban State"
        ),
    },
}  # fmt: skip
#: Redmine's columns in the order of its export: names, statuses from new to rejected, priorities from low to immediate.
REDMINE = {
    "English": (
        "#, Project, Tracker, Parent task, Parent task subject, Status, Priority, Subject, Author, Assignee, "
        "Updated, "
        "Category, Target version, Start date, Due date, Estimated time, Total estimated time, Spent time, "
        "Total spent time, % Done, Created, Closed, Last updated by, Related issues, Files, Private, Description",
        "New, In Progress, Resolved, Closed, Rejected",
        "Low, Normal, High, Urgent, Immediate",
    ),
    "German": (
        "#, Projekt, Tracker, Übergeordnetes Ticket, Thema des übergeordneten Tickets, Status, Priorität, Thema, "
        "Autor, "
        "Zugewiesen an, Aktualisiert, Kategorie, Zielversion, Beginn, Abgabedatum, Geschätzter Aufwand, "
        "Summe des geschätzten Aufwands, Aufgewendete Zeit, Aufgewendete Zeit aller Projekte anzeigen, % erledigt, "
        "Angelegt, Geschlossen am, Zuletzt geändert von, Zugehörige Tickets, Dateien, Privat, Beschreibung",
        "Neu, In Bearbeitung, Gelöst, Erledigt, Abgewiesen",
        "Niedrig, Normal, Hoch, Dringend, Sofort",
    ),
    "French": (
        "#, Projet, Tracker, Tâche parente, Sujet de la demande parent, Statut, Priorité, Sujet, Auteur, Assigné à, "
        "Mis-à-jour, Catégorie, Version cible, Début, Echéance, Temps estimé, Temps estimé total, Temps passé, "
        "Temps passé total, % réalisé, Créé, Fermé, Dernière mise à jour par, Demandes liées, Fichiers, Privée, "
        "Description",
        "Nouveau, En cours, Résolu, Fermé, Rejeté",
        "Bas, Normal, Haut, Urgent, Immédiat",
    ),
    "Spanish": (
        "#, Proyecto, Tipo, Tarea padre, Parent task subject, Estado, Prioridad, Asunto, Autor, Asignado a, "
        "Actualizado, "
        "Categoría, Versión prevista, Fecha de inicio, Fecha fin, Tiempo estimado, Total de Tiempo Estimado, "
        "Tiempo dedicado, Tiempo total dedicado, % Realizado, Creado, Cerrada, Última actualización de, "
        "Peticiones relacionadas, Ficheros, Privada, Descripción",
        "Nueva, En curso, Resuelta, Cerrada, Rechazada",
        "Baja, Normal, Alta, Urgente, Inmediata",
    ),
    "Portuguese of Brazil": (
        "#, Projeto, Tipo, Tarefa mãe, Assunto da tarefa pai, Situação, Prioridade, Título, Autor, Atribuído para, "
        "Alterado em, Categoria, Versão, Início, Data prevista, Tempo estimado, Tempo estimado geral, Tempo gasto, "
        "Tempo gasto geral, % Terminado, Criado em, Concluído, Última atualização por, Tarefas relacionadas, "
        "Arquivos, "
        "Privado, Descrição",
        "Nova, Em andamento, Resolvida, Fechada, Rejeitada",
        "Baixa, Normal, Alta, Urgente, Imediata",
    ),
    "Portuguese": (
        "#, Projeto, Tipo, Tarefa principal, Parent task subject, Estado, Prioridade, Assunto, Autor, Atribuído a, "
        "Alterado, Categoria, Versão, Data de início, Data de fim, Tempo estimado, Total de tempo estimado, "
        "Tempo gasto, "
        "Total de tempo registado, % Completo, Criado, Fechado, Última atualização por, Tarefas relacionadas, "
        "Ficheiros, Privado, Descrição",
        "Novo, Em curso, Resolvido, Fechado, Rejeitado",
        "Baixa, Normal, Alta, Urgente, Imediata",
    ),
    "Italian": (
        "#, Progetto, Tracker, Attività principale, Parent task subject, Stato, Priorità, Oggetto, Autore, "
        "Assegnato a, "
        "Aggiornato, Categoria, Versione prevista, Inizio, Scadenza, Tempo stimato, Totale tempo stimato, "
        "Tempo impiegato, Totale tempo impiegato, % Completato, Creato, Chiuso, Ultimo aggiornamento di, "
        "Segnalazioni correlate, File, Privato, Descrizione",
        "Nuovo, In elaborazione, Risolto, Chiuso, Rifiutato",
        "Bassa, Normale, Alta, Urgente, Immediata",
    ),
    "Dutch": (
        "#, Project, Tracker, Hoofdissue, Parent task subject, Status, Prioriteit, Onderwerp, Auteur, "
        "Toegewezen aan, "
        "Laatst gewijzigd op, Categorie, Versie, Startdatum, Verwachte einddatum, Geschatte tijd, "
        "Geschatte totaaltijd, Gespendeerde tijd, Totaal gespendeerde tijd, % voltooid, Aangemaakt op, Gesloten, "
        "Last updated by, Gerelateerde issues, Bestanden, Privé, Beschrijving",
        "Nieuw, In uitvoering, Opgelost, Gesloten, Afgewezen",
        "Laag, Normaal, Hoog, Dringend, Onmiddellijk",
    ),
    # The name of the total is that of the time itself.
    "Polish": (
        "#, Projekt, Typ zagadnienia, Zagadnienie nadrzędne, Tytuł zagadnienia nadrzędnego, Status, Priorytet, "
        "Temat, "
        "Autor, Przypisany do, Data modyfikacji, Kategoria, Wersja docelowa, Data rozpoczęcia, Data oddania, "
        "Szacowany czas, Całkowity szacowany czas, Przepracowany czas, Przepracowany czas, % Wykonania, "
        "Data utworzenia, Data zamknięcia, Ostatnio zaktualizowane przez, Powiązane zagadnienia, Pliki, Prywatne, "
        "Opis",
        "Nowy, W toku, Rozwiązany, Zamknięty, Odrzucony",
        "Niski, Normalny, Wysoki, Pilny, Natychmiastowy",
    ),
    "Russian": (
        "#, Проект, Трекер, Родительская задача, Тема родительской задачи, Статус, Приоритет, Тема, Автор, "
        "Назначена, "
        "Обновлено, Категория, Версия, Дата начала, Срок завершения, Оценка временных затрат, "
        "Общая оценка временных затрат, Трудозатраты, Всего затрачено времени, Готовность, Создано, Закрыта, "
        "Последний изменивший, Связанные задачи, Файлы, Частная, Описание",
        "Новая, В работе, Решена, Закрыта, Отклонена",
        "Низкий, Нормальный, Высокий, Срочный, Немедленный",
    ),
    "Japanese": (
        "#, プロジェクト, トラッカー, 親チケット, 親チケットの題名, ステータス, 優先度, 題名, 作成者, 担当者, "
        "更新日, カテゴリ, 対象バージョン, 開始日, 期日, 予定工数, 合計予定工数, 作業時間, 合計作業時間, 進捗率, "
        "作成日, 終了日, 最終更新者, 関連するチケット, ファイル, プライベート, 説明",
        "新規, 進行中, 解決, 終了, 却下",
        "低め, 通常, 高め, 急いで, 今すぐ",
    ),
}  # fmt: skip
#: Azure DevOps' columns that have a name in other languages.
AZURE = {
    "English": (
        "Work Item Type, Title, Assigned To, Status, Tags, Priority, Original Estimate, Completed Work, "
        "Remaining Work, Created Date, Closed Date"
    ),
    "German": (
        "Arbeitselementtyp, Titel, Zugewiesen an, Status, Schlagwörter, Priorität, Ursprüngliche Schätzung, "
        "Abgeschlossene Arbeit, Verbleibende Arbeit, Erstellungsdatum, Abschlussdatum"
    ),
    "French": (
        "Type d'élément de travail, Titre, Affecté à, État, Balises, Priorité, Estimation originale, "
        "Travail effectué, "
        "Travail restant, Date de création, Date de fermeture"
    ),
    "Spanish": (
        "Tipo de elemento de trabajo, Título, Asignado a, Estado, Etiquetas, Prioridad, Estimación original, "
        "Trabajo completado, Trabajo restante, Fecha de creación, Fecha de cierre"
    ),
    "Portuguese": (
        "Tipo de item de trabalho, Título, Atribuído a, Estado, Etiquetas, Prioridade, Estimativa original, "
        "Trabalho concluído, Trabalho restante, Data de criação, Data de fechamento"
    ),
    "Italian": (
        "Tipo di elemento di lavoro, Titolo, Assegnato a, Stato, Etichette, Priorità, Stima originale, "
        "Lavoro completato, Lavoro rimanente, Data di creazione, Data di chiusura"
    ),
}
