"""The questions of a level on the page: asked, answered, explained."""

from collections.abc import Callable, Sequence

from jdescent_playground.page import Page
from jdescent_playground.questions import CHOICES, Question


class QuestionPanel:
    """Questions with their choices; the first answer to each counts.

    Args:
        page: the page.
        answered: called after an answer.
    """

    def __init__(self, page: Page, answered: Callable[[], None]) -> None:
        self.page, self._answered = page, answered
        self.asked: Sequence[Question] = []
        self.answers: list[int | None] = []
        page.on("answer", self.answer)

    @property
    def right(self) -> int:
        """How many were answered rightly."""
        pairs = zip(self.asked, self.answers, strict=True)
        return sum(given == question.right for question, given in pairs)

    @property
    def done(self) -> bool:
        """Whether all were answered."""
        return bool(self.asked) and None not in self.answers

    def ask(self, questions: Sequence[Question]) -> None:
        """Ask these, or nothing."""
        self.asked, self.answers = questions, [None] * len(questions)

    def answer(self, given: str) -> None:
        """Take an answer: "1:2" is the third choice of the second question."""
        number, _, choice = given.partition(":")
        if not (number.isdigit() and choice.isdigit() and int(number) < len(self.asked)):
            return
        which = int(number)
        if self.answers[which] is None and int(choice) < len(self.asked[which].choices):
            self.answers[which] = int(choice)
            self._answered()

    def draw(self) -> None:
        """Show everything."""
        self.page.set("questions", hidden=not self.asked)
        for number, (question, given) in enumerate(zip(self.asked, self.answers, strict=True)):
            self._draw(number, question, given)

    def _draw(self, number: int, question: Question, given: int | None) -> None:
        page = self.page
        page.text(**{f"question-{number}": question.text})
        for choice in range(CHOICES):
            name = f"choice-{number}-{choice}"
            page.set(name, hidden=choice >= len(question.choices))
            if choice < len(question.choices):
                mood = _mood(question, choice, given)
                page.text(**{name: _marked(question, choice, given)})
                page.set(name, disabled=given is not None, className=mood)
        right = given == question.right
        told = "" if given is None else f"{'Right.' if right else 'Not quite.'} {question.why}"
        page.text(**{f"why-{number}": told})
        page.set(f"why-{number}", className="why good" if right else "why")


def _marked(question: Question, choice: int, given: int | None) -> str:
    """A choice, after the answer with a tick or a cross."""
    text = question.choices[choice]
    if given is not None and choice == question.right:
        return f"✓ {text}"
    return f"✗ {text}" if choice == given else text


def _mood(question: Question, choice: int, given: int | None) -> str:
    if given is None:
        return ""
    return "right" if choice == question.right else "wrong" if choice == given else ""
