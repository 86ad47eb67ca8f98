// Functions as the mixins of the field have them: objects in, objects out.
{
  alert(name, metric, severity, threshold, hold):: {
    alert: name,
    expr: 'sum by (service_name) (rate(%s{service_name=~".+"}[5m])) > %g' % [metric, threshold],
    'for': hold,
    labels: { severity: severity, slo: 'none' },
    annotations: {
      summary: '%s is over %g for {{ $labels.service_name }}' % [metric, threshold],
      description: 'The rate of %s of {{ $labels.service_name }} is {{ $value | humanize }}.' % metric,
      runbook_url: 'https://example.com/runbooks/%s.md' % std.asciiLower(name),
      dashboard_url: 'https://example.com/d/%s' % std.asciiLower(name),
    },
  },
  record(name, metric, window):: {
    record: name,
    expr: 'sum by (service_name, route) (rate(%s[%s]))' % [metric, window],
    labels: { window: window },
  },
  target(expr, legend):: {
    datasource: { type: 'prometheus', uid: '${datasource}' },
    editorMode: 'code', expr: expr, legendFormat: legend, range: true, refId: 'A',
  },
  panel(id, title, metric, x, y):: {
    id: id,
    type: 'timeseries',
    title: title,
    description: 'The rate of %s.' % metric,
    datasource: { type: 'prometheus', uid: '${datasource}' },
    gridPos: { h: 8, w: 8, x: x, y: y },
    fieldConfig: {
      defaults: {
        unit: 'reqps', min: 0,
        color: { mode: 'palette-classic' },
        custom: {
          drawStyle: 'line', lineInterpolation: 'linear', fillOpacity: 10, showPoints: 'never',
          spanNulls: false, stacking: { group: 'A', mode: 'none' }, axisPlacement: 'auto',
          thresholdsStyle: { mode: 'off' },
        },
        thresholds: { mode: 'absolute', steps: [
          { color: 'green', value: null }, { color: 'orange', value: 80 }, { color: 'red', value: 95 },
        ] },
      },
      overrides: [],
    },
    options: {
      legend: { calcs: ['mean', 'max'], displayMode: 'table', placement: 'bottom', showLegend: true },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: [
      $.target('sum by (route) (rate(%s{service_name=~"$service"}[$__rate_interval]))' % metric, '{{route}}'),
    ],
  },
  dashboard(uid, title, metrics):: {
    uid: uid, title: title, schemaVersion: 41, editable: false, refresh: '30s', tags: ['ims'],
    time: { from: 'now-3h', to: 'now' }, timezone: 'browser',
    templating: { list: [
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      { name: 'service', type: 'query', query: 'label_values(up, service_name)', multi: true, includeAll: true },
    ] },
    panels: [
      $.panel(i + 1, 'Panel %d' % i, metrics[i], (i % 3) * 8, std.floor(i / 3) * 8)
      for i in std.range(0, std.length(metrics) - 1)
    ],
  },
}
