// What Grafana publishes of its dashboards, as types of the JSON that it reads. In the published
// types a panel's options are of any shape; here each type of panel that we render has its own.
import type {
  AnnotationQuery,
  Dashboard as Published,
  DashboardLink,
  FieldConfig,
  MatcherConfig,
  Panel,
  RowPanel,
  VariableModel,
} from "@grafana/schema";
import type * as barGauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen";
import type * as heatmap from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type * as logs from "@grafana/schema/dist/esm/raw/composable/logs/panelcfg/x/LogsPanelCfg_types.gen";
import type * as loki from "@grafana/schema/dist/esm/raw/composable/loki/dataquery/x/LokiDataQuery_types.gen";
import type * as pie from "@grafana/schema/dist/esm/raw/composable/piechart/panelcfg/x/PieChartPanelCfg_types.gen";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type * as states from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type * as lines from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";
import type { Unit } from "./units";

// JSON holds the values of an enumeration, not its members.
type Json<T> = unknown extends T
  ? T
  : T extends string
    ? `${T}`
    : T extends number
      ? `${T}` extends `${infer N extends number}`
        ? N
        : never
      : T extends object
        ? { [K in keyof T]: Json<T[K]> }
        : T;

type Source<T extends string> = { type: T; uid: string };

// The query of a Prometheus data source is in a package of its own (@grafana/prometheus).
type PrometheusQuery = {
  datasource: Source<"prometheus">;
  refId: string;
  expr: string;
  legendFormat?: string;
  editorMode?: "builder" | "code";
  format?: "time_series" | "table" | "heatmap";
  instant?: boolean;
  range?: boolean;
  exemplar?: boolean;
  interval?: string;
  hide?: boolean;
};
type LokiQuery = Omit<loki.LokiDataQuery, "datasource"> & { datasource: Source<"loki"> };
// Nothing is published of Jaeger's query.
type JaegerQuery = {
  datasource: Source<"jaeger">;
  refId: string;
  queryType: "search";
  service: string;
  limit: number;
  tags?: string;
  minDuration?: string;
};

// So are an annotation's keys, which Grafana's own schema does not list.
type PrometheusAnnotation = AnnotationQuery & {
  expr: string;
  step?: string;
  tagKeys?: string;
  textFormat?: string;
  titleFormat?: string;
};

// Grafana shows a variable's query from here; its own schema does not list it either.
type Variable = VariableModel & { definition?: string };

type Fields<Custom> = {
  defaults: Omit<FieldConfig, "custom" | "unit" | "links"> & {
    custom?: Partial<Custom>;
    unit?: Unit;
    links?: DashboardLink[];
  };
  overrides: { matcher: MatcherConfig; properties: { id: string; value?: unknown }[] }[];
};

type PanelOf<Type extends string, Options, Custom = Record<string, never>> = Omit<
  Panel,
  "type" | "options" | "fieldConfig" | "targets"
> & {
  type: Type;
  options: Options;
  fieldConfig: Fields<Custom>;
  targets: (PrometheusQuery | LokiQuery | JaegerQuery)[];
};

type Typed =
  | PanelOf<"bargauge", barGauge.Options>
  | PanelOf<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | PanelOf<"logs", logs.Options>
  // The SDK of the dashboards does not know the option yet; Grafana sorts without it.
  | PanelOf<"piechart", Omit<pie.Options, "sort"> & Partial<Pick<pie.Options, "sort">>, pie.FieldConfig>
  | PanelOf<"stat", stat.Options>
  | PanelOf<"state-timeline", states.Options, states.FieldConfig>
  | PanelOf<"table", table.Options, table.FieldConfig>
  | PanelOf<"timeseries", lines.Options, lines.FieldConfig>;

type Row = Omit<RowPanel, "panels"> & { panels: Typed[] };

export type Dashboard = Json<
  Omit<Published, "panels" | "annotations" | "templating"> & {
    panels: (Typed | Row)[];
    annotations: { list: PrometheusAnnotation[] };
    templating: { list: Variable[] };
  }
>;
