"""The target of an action in a mapped log: by name, selector, id, XPath, text, or the boxes of elements."""

from __future__ import annotations

from facsim.data.ingest_report import IngestReport
from facsim.data.mapping import ColumnMapping, FieldMapping
from facsim.data.sources.element_boxes import BoxedElement, element_at_point
from facsim.data.sources.mapped_values import text_of, url_and_event
from facsim.data.sources.rows import LogRow
from facsim.data.sources.xpath import css_of_xpath

_UNUSABLE_XPATH = "XPath is more than a path of tags, attributes and positions by tag: target unknown"


def boxed_element(row: LogRow, mapping: ColumnMapping, report: IngestReport) -> BoxedElement | None:
    """The element at the point of an action, if the log has boxes."""
    target = mapping.action.target
    if target is None or not (target.boxes and target.x and target.y):
        return None
    boxes, x, y = (
        field.constant if field.column is None else row.get(field.column)
        for field in (target.boxes, target.x, target.y)
    )
    try:
        found = element_at_point(boxes, x, y)
    except ValueError as error:
        report.note(f"{error}: target unknown", row.where)
        return None
    if found is None:
        report.note("point is in no element box: target unknown", row.where)
    return found


def target_selector(
    row: LogRow, mapping: ColumnMapping, report: IngestReport, boxed: BoxedElement | None
) -> str | None:
    """The CSS selector of the target, if the log has a selector, an id or an XPath, or boxes with one."""
    target = mapping.action.target
    if target is None:
        return None
    fields = {"selector": target.selector, "xpath": target.xpath, "id": target.id}
    way = next((way for way, field in fields.items() if field is not None), None)
    value = text_of(row, fields[way], "target") if way else None
    if boxed is not None:
        way, value = boxed.way, boxed.value
    if not value or way == "name":
        return None
    if way == "selector":
        return value
    if way == "xpath":
        selector = css_of_xpath(value)
        if selector is None:
            report.note(_UNUSABLE_XPATH, f"{row.where}: {value}")
        return selector
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'[id="{escaped}"]'


def place_fields(mapping: ColumnMapping) -> list[FieldMapping]:
    """The fields that identify the typing target."""
    target = mapping.action.target
    found = (mapping.url,) if target is None else (target.way, target.role, mapping.url)
    return [field for field in found if field is not None]


def target_name(row: LogRow, mapping: ColumnMapping, boxed: BoxedElement | None) -> str | None:
    """The name of the target, if the log has names. Without targets, actions are named after their events."""
    target = mapping.action.target
    if boxed is not None:
        return boxed.value if boxed.way == "name" else None
    if target is None:
        return url_and_event(row, mapping)[1]
    return text_of(row, target.name, "target") or None
