from jdescent.report_card.learners.runs import outcomes, task, tasks
