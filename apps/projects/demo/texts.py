"""The words of the demonstration team: invented here, none taken from a real tracker.

What makes a task long is what it is about, not how much is written: every word says how it scales the hours, and
descriptions are drawn without regard to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A member of the demonstration team."""

    name: str
    #: The parts of the product this person usually works on.
    components: tuple[str, ...]
    #: Hours relative to the team's typical ones.
    pace: float


TEAM = (
    DemoPerson("Mara Lindqvist", ("checkout", "billing"), 0.9),
    DemoPerson("Tomas Ferreira", ("search", "catalogue"), 1.0),
    DemoPerson("Aiko Brandt", ("mobile", "notifications"), 1.1),
    DemoPerson("Yusuf Okafor", ("reporting", "billing"), 1.0),
    DemoPerson("Ines Novak", ("accounts", "checkout"), 0.85),
    DemoPerson("Leo Martens", ("catalogue", "mobile"), 1.25),
)
#: Part of the product → hours relative to the typical part.
COMPONENTS: Mapping[str, float] = {
    "checkout": 1.2, "search": 1.0, "accounts": 0.8, "billing": 1.5, "notifications": 0.7, "reporting": 1.1,
    "catalogue": 0.9, "mobile": 1.4,
}  # fmt: skip
#: Type → share of all issues, and typical hours.
TYPES: Mapping[str, tuple[float, float]] = {"bug": (0.4, 3.5), "story": (0.35, 9.0), "task": (0.25, 4.5)}
#: Type → how its titles begin → hours relative to the type's typical ones.
ACTIONS: Mapping[str, Mapping[str, float]] = {
    "bug": {
        "Correct the wording of": 0.35, "Stop the crash of": 1.5, "Find the race condition in": 2.6,
        "Repair the broken link in": 0.4, "Remove the timeout of": 1.8, "Handle empty input in": 0.8,
        "Fix the rounding of": 1.0,
    },
    "story": {
        "Let customers export": 1.3, "Offer a filter for": 0.7, "Redesign": 2.0, "Integrate a provider for": 2.3,
        "Show a hint beside": 0.35, "Add a setting for": 0.6, "Support several languages in": 1.6,
    },
    "task": {
        "Rename": 0.35, "Migrate": 2.8, "Write tests for": 1.2, "Document": 0.6, "Upgrade the library behind": 1.5,
        "Clean up": 0.8, "Measure the load of": 1.1,
    },
}  # fmt: skip
#: What it is done to → hours relative to the typical thing.
THINGS: Mapping[str, float] = {
    "the address form": 0.8, "the invoice list": 1.1, "the discount rules": 1.6, "the result page": 1.0,
    "the welcome message": 0.5, "the payment flow": 1.9, "the nightly import": 1.5, "the profile picture": 0.6,
    "the order history": 1.1, "the stock counter": 1.0, "the help text": 0.5, "the permission check": 1.4,
}  # fmt: skip
#: Who asked; says nothing of the hours.
ASKERS = ("", "", "", "for returning customers", "for the support desk", "for partner shops", "for the spring campaign")
#: Descriptions are made of these, in any number, whatever the task is.
SENTENCES = (
    "Support was asked about this three times in the last month.",
    "The product owner would like to show it at the next review.",
    "It should behave the same in all browsers we support.",
    "Please keep the present texts where they are not affected.",
    "The acceptance criteria are in the refinement notes.",
    "A partner mentioned it in the quarterly call.",
    "We agreed to leave the old behaviour in place behind a switch.",
    "See the mock-up that was discussed on Tuesday.",
    "The change has to be mentioned in the release notes.",
    "Nobody depends on the order of the entries.",
)
