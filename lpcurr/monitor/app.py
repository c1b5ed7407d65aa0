"""The live view of ``lpcurr top``: drawing, keys, and a new look every second. Needs ``lpcurr[top]``."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.geometry import Region
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from lpcurr.monitor.drawing import BLUE, View, draw
from lpcurr.monitor.watching import Watch

_KEYS = {
    "q": "quit", "?": "help", "/": "label", "space": "pause", "r": "reverse",
    "d": "drawn", "p": "progress", "s": "score", "e": "episodes", "a": "age",
}  # fmt: skip
_SORT_BY = {"d": "probability", "p": "lp", "s": "score", "e": "completions", "a": "entry"}

_HELP = """\
[b]lpcurr top[/b] looks at a running session from outside. It maps the memory for reading alone, takes no lock and no
place in the pool: it can be killed at any moment, and the training does not notice it.

[b]d p s e a[/b]     sort tasks by how often they are drawn, progress, score, episodes, age;
              the same key again turns the order round
[b]r[/b]             turn the order round
[b]/[/b]             only tasks whose label has this text in it; Esc shows all again
[b]↑ ↓ PgUp PgDn[/b] scroll the tasks; Home goes back to the hottest and the coldest
[b]space[/b]         stand still; go on
[b]+ -[/b]           look more often, less often
[b]q[/b]             quit

[b]progress[/b]  learning progress: the distance between a fast and a slow average of a task's scores
[b]drawn[/b]     the probability of being the next task, and that in multiples of the mean task's
[b]new[/b]       a task with too few episodes for its progress to count
[b]tries[/b]     tasks looked at for one drawn: high where the curriculum is very selective
[b]waited[/b]    how long a process has waited for the pool's lock since it joined; a node for the slowest other one
[b]behind[/b]    entries of other nodes that a node had not seen before the last exchange

Any key closes this."""


class _Help(ModalScreen[None]):
    """What the keys and the columns mean."""

    def compose(self) -> ComposeResult:
        yield Static(_HELP, id="help")

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss()


class _Picture(Widget):
    """The frame, drawn to the size there is; of a new one, only the lines that differ go to the terminal.

    Lines are handed over as they are, not as one text, which Textual would wrap and measure: that halves the cost.
    """

    def __init__(self, watch: Watch, view: View) -> None:
        super().__init__()
        self._watch, self._view = watch, view
        self._lines: list[Text] = []

    def on_resize(self) -> None:
        """Draw to the new size."""
        self._lines = draw(self._watch, self._view, self.size.width, self.size.height)
        self.refresh()

    def redraw(self) -> None:
        """Draw the present state."""
        before, self._lines = self._lines, draw(self._watch, self._view, self.size.width, self.size.height)
        rows = max(len(before), len(self._lines))
        changed = [row for row in range(rows) if before[row : row + 1] != self._lines[row : row + 1]]
        self.refresh(*[Region(0, row, self.size.width, 1) for row in changed])

    def render_line(self, y: int) -> Strip:
        """One line of the frame."""
        if y >= len(self._lines):
            return Strip.blank(self.size.width)
        return Strip(self._lines[y].render(self.app.console)).adjust_cell_length(self.size.width)


class TopApp(App[None]):
    """The live view of a session; ``view`` says what to show at first, and how often to look."""

    TITLE = "lpcurr top"
    AUTO_FOCUS = None  # keys are commands until a label is to be typed
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { background: ansi_default; color: ansi_default; overflow: hidden; }
    _Picture { height: 1fr; }
    #keys { height: 1; dock: bottom; }
    Input { dock: bottom; height: 1; border: none; padding: 0 1; display: none; background: ansi_default; }
    Input.shown { display: block; }
    _Help { align: center middle; background: ansi_default; }
    #help { width: auto; max-width: 100%; height: auto; border: round ansi_blue; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *[(key, f"sort('{name}')", name) for key, name in _SORT_BY.items()],
        ("r", "reverse", "reverse"),
        ("slash", "filter", "filter"),
        ("escape", "clear", "all labels"),
        ("space", "pause", "pause"),
        ("plus", "pace(0.5)", "more often"),
        ("minus", "pace(2.0)", "less often"),
        ("up", "scroll_tasks(-1)", "up"),
        ("down", "scroll_tasks(1)", "down"),
        ("pageup", "scroll_tasks(-10)", "up"),
        ("pagedown", "scroll_tasks(10)", "down"),
        ("home", "scroll_tasks(-10000000)", "hottest"),
        ("question_mark,h", "help", "help"),
        ("q", "quit", "quit"),
    ]

    def __init__(self, watch: Watch, view: View) -> None:
        super().__init__(ansi_color=True)
        self.watch_session, self.view = watch, view
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The picture, the keys below it, and the line in which a label is typed."""
        yield _Picture(self.watch_session, self.view)
        yield Static(_key_line(), id="keys")
        yield Input(placeholder="show only tasks whose label has …  (Enter to go back, Esc for all)")

    def on_mount(self) -> None:
        """Begin to look."""
        self._timer = self.set_interval(self.view.interval, self._look)
        self.set_focus(None)
        self.set_timer(min(0.2, self.view.interval), self._look)  # the first rates, without a second's wait

    def _look(self) -> None:
        if not self.view.paused and not self.watch_session.ending:
            self.watch_session.look()
            self._redraw()

    def _redraw(self) -> None:
        if self.is_running:
            self.query_one(_Picture).redraw()

    # -- keys ---------------------------------------------------------------------------------------------------

    def action_sort(self, key: str) -> None:
        """Sort tasks; by the same key again, the other way round."""
        self.view.ascending = not self.view.ascending if self.view.sort == key else False
        self.view.sort, self.view.scroll = key, 0
        self._redraw()

    def action_reverse(self) -> None:
        """Turn the order of the tasks round."""
        self.view.ascending, self.view.scroll = not self.view.ascending, 0
        self._redraw()

    def action_scroll_tasks(self, lines: int) -> None:
        """Move the list of tasks."""
        self.view.scroll = max(self.view.scroll + lines, 0)
        self._redraw()

    def action_pause(self) -> None:
        """Stand still, or go on."""
        self.view.paused = not self.view.paused
        self._redraw()

    def action_pace(self, factor: float) -> None:
        """Look more often or less often."""
        self.view.interval = min(max(self.view.interval * factor, 0.25), 16.0)
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_interval(self.view.interval, self._look)
        self._redraw()

    def action_help(self) -> None:
        """Say what the keys and columns mean."""
        self.push_screen(_Help())

    def action_filter(self) -> None:
        """Type a label."""
        self.query_one(Input).add_class("shown").focus()

    def action_clear(self) -> None:
        """Show the tasks of all labels."""
        self.query_one(Input).value = ""
        self._leave_input()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while a label is typed."""
        self.view.label, self.view.scroll = event.value, 0
        self._redraw()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self._leave_input()

    def _leave_input(self) -> None:
        self.query_one(Input).remove_class("shown")
        self.set_focus(None)
        self._redraw()


def _key_line() -> Text:
    line = Text(" ", no_wrap=True, overflow="ellipsis")
    for key, meaning in _KEYS.items():
        line.append(key, f"bold {BLUE}").append(f" {meaning}  ", "dim")
    return line
