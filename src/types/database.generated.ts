// What the database holds, as `pg` with `databaseTypes` gives and takes it. Written by
// `npm run generate:types` from the catalog of a database with the migrations below. Not for editing:
// `npm run typecheck` compares the digests.
//
// catalog 7fecb51e8ee6f928f7be48b6e1a2013e926a9b861454d51221936b337657b89d
// migration 000_existing_schema 8e55fee15206225c686b663cb88e5fbbd19088ea322a30e055acccf21c9d6ace
// migration 001_add_missing_tables 6d425e67b8024be9010b4dbb0a85b760238baabc4b14fdb0e6042821943fc8e7
// migration 002_backfill_user_progress 81454467ad0cfbbedb16ba05366c25725fa0919a40ecac0b84fd3e3ab7d1f077
// migration 003_progress_analytics ad4a9af2dd5f3ae991ac989d302e62e180a3e282b29fca68e7233182d8eb6361
// migration 004_export_lifecycle 6042443c1a697847bf4d0f93eaa29e3041986510581616ea3949d2d0231f94a9
// migration 005_monitoring 71ff9a5e30a21f2172f63205fbeddfbaa1d577ebeb2b57382089fa446c158bb1
// migration 006_verified_identity 7399cbdb3110fc6c31c03a13e9f9dd9e3651560352787c19d32a99816a53f6f7
// migration 007_vault_and_erasure 813a0a8d4d0307c5b3c1c9ab4800f25b65bc2dee6a559c9e1f36031ba2f59689
// types 993c1452a2c841ae5cbe079d6799d2d3d8164d56cd4683ddf17f16e396fea0a4

export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];

export type Database = {
  auth: {
    Tables: {
      token_settings: {
        Row: {
          audience: string;
          believes_claims: boolean;
          current_pads: Buffer;
          is_only_row: boolean;
          previous_pads: Buffer | null;
        };
        Insert: {
          audience: string;
          believes_claims: boolean;
          current_pads: Buffer;
          is_only_row?: boolean;
          previous_pads?: Buffer | null;
        };
        Update: {
          audience?: string;
          believes_claims?: boolean;
          current_pads?: Buffer;
          is_only_row?: boolean;
          previous_pads?: Buffer | null;
        };
        Relationships: [];
      };
    };
    Views: {
      [_ in never]: never;
    };
    Functions: {
      tokens_required: { Args: Record<PropertyKey, never>; Returns: boolean };
      uid: { Args: Record<PropertyKey, never>; Returns: string };
      verified_uid: { Args: Record<PropertyKey, never>; Returns: string };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
  monitoring: {
    Tables: {
      [_ in never]: never;
    };
    Views: {
      changed_protection: {
        Row: {
          change: string | null;
          object: string | null;
        };
        Relationships: [];
      };
      indexes: {
        Row: {
          bytes: bigint | null;
          bytes_per_entry: string | null;
          entries_read: bigint | null;
          is_unique: boolean | null;
          is_valid: boolean | null;
          name: string | null;
          scanned_at: string | null;
          scans: bigint | null;
          schema: string | null;
          table_name: string | null;
        };
        Relationships: [];
      };
      notes: {
        Row: {
          figure: string | null;
          note: string | null;
        };
        Relationships: [];
      };
      statements: {
        Row: {
          blocks_cached: bigint | null;
          blocks_read: bigint | null;
          calls: bigint | null;
          longest_ms: number | null;
          mean_ms: number | null;
          role: string | null;
          rows: bigint | null;
          statement: string | null;
          total_ms: number | null;
        };
        Relationships: [];
      };
      tables: {
        Row: {
          analyzed_at: string | null;
          dead_bytes: string | null;
          dead_rows: bigint | null;
          dead_share: string | null;
          deleted: bigint | null;
          heap_bytes: bigint | null;
          heap_bytes_per_row: string | null;
          index_bytes: bigint | null;
          index_scans: bigint | null;
          inserted: bigint | null;
          live_rows: bigint | null;
          name: string | null;
          schema: string | null;
          sequential_rows: bigint | null;
          sequential_scans: bigint | null;
          total_bytes: bigint | null;
          transaction_age: number | null;
          updated: bigint | null;
          vacuumed_at: string | null;
        };
        Relationships: [];
      };
      tables_without_row_security: {
        Row: {
          enabled: boolean | null;
          forced: boolean | null;
          name: string | null;
          schema: string | null;
        };
        Relationships: [];
      };
      transaction_ids: {
        Row: {
          holder: string | null;
          name: string | null;
          share_of_limit: string | null;
          transactions: number | null;
        };
        Relationships: [];
      };
      triggers: {
        Row: {
          calls: bigint | null;
          function: string | null;
          is_enabled: boolean | null;
          mean_ms: number | null;
          name: string | null;
          schema: string | null;
          self_ms: number | null;
          table_name: string | null;
          total_ms: number | null;
        };
        Relationships: [];
      };
      waiting_locks: {
        Row: {
          blocked_by: number[] | null;
          pid: number | null;
          relation: string | null;
          role: string | null;
          waiting_ms: number | null;
          waits_for: string | null;
        };
        Relationships: [];
      };
    };
    Functions: {
      read_changes: {
        Args: Record<PropertyKey, never>;
        Returns: {
          change: string;
          object: string;
        }[];
      };
      read_statements: {
        Args: Record<PropertyKey, never>;
        Returns: {
          blocks_cached: bigint;
          blocks_read: bigint;
          calls: bigint;
          longest_ms: number;
          mean_ms: number;
          role: string;
          rows: bigint;
          statement: string;
          total_ms: number;
        }[];
      };
      read_waits: {
        Args: Record<PropertyKey, never>;
        Returns: {
          blocked_by: number[];
          pid: number;
          relation: string;
          role: string;
          waiting_ms: number;
          waits_for: string;
        }[];
      };
      report: { Args: Record<PropertyKey, never>; Returns: Json };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
  public: {
    Tables: {
      export_archive: {
        Row: {
          archived_at: string;
          checksum_sha256: string | null;
          completed_at: string | null;
          created_at: string;
          download_count: bigint;
          error_message: string | null;
          expires_at: string | null;
          export_type: string;
          file_size_bytes: bigint | null;
          filters: NonNullable<Json>;
          format: string;
          id: string;
          row_count: bigint | null;
          started_at: string | null;
          status: "failed" | "expired";
          updated_at: string;
          user_id: string;
        };
        Insert: {
          archived_at?: string;
          checksum_sha256?: string | null;
          completed_at?: string | null;
          created_at: string;
          download_count: bigint;
          error_message?: string | null;
          expires_at?: string | null;
          export_type: string;
          file_size_bytes?: bigint | null;
          filters: NonNullable<Json>;
          format: string;
          id: string;
          row_count?: bigint | null;
          started_at?: string | null;
          status: "failed" | "expired";
          updated_at: string;
          user_id: string;
        };
        Update: {
          archived_at?: string;
          checksum_sha256?: string | null;
          completed_at?: string | null;
          created_at?: string;
          download_count?: bigint;
          error_message?: string | null;
          expires_at?: string | null;
          export_type?: string;
          file_size_bytes?: bigint | null;
          filters?: NonNullable<Json>;
          format?: string;
          id?: string;
          row_count?: bigint | null;
          started_at?: string | null;
          status?: "failed" | "expired";
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "export_archive_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      export_history: {
        Row: {
          checksum_sha256: string | null;
          completed_at: string | null;
          created_at: string;
          download_count: bigint;
          error_message: string | null;
          expires_at: string | null;
          export_type: "progress" | "sessions" | "vocabulary" | "full";
          file_size_bytes: bigint | null;
          filters: { [key: string]: Json | undefined };
          format: "jsonl" | "csv";
          id: string;
          row_count: bigint | null;
          started_at: string | null;
          status: "pending" | "processing" | "completed" | "failed" | "expired";
          storage_bucket: string | null;
          storage_key: string | null;
          updated_at: string;
          user_id: string;
        };
        Insert: {
          checksum_sha256?: string | null;
          completed_at?: string | null;
          created_at?: string;
          download_count?: bigint;
          error_message?: string | null;
          expires_at?: string | null;
          export_type: "progress" | "sessions" | "vocabulary" | "full";
          file_size_bytes?: bigint | null;
          filters?: { [key: string]: Json | undefined };
          format: "jsonl" | "csv";
          id?: string;
          row_count?: bigint | null;
          started_at?: string | null;
          status?: "pending" | "processing" | "completed" | "failed" | "expired";
          storage_bucket?: string | null;
          storage_key?: string | null;
          updated_at?: string;
          user_id: string;
        };
        Update: {
          checksum_sha256?: string | null;
          completed_at?: string | null;
          created_at?: string;
          download_count?: bigint;
          error_message?: string | null;
          expires_at?: string | null;
          export_type?: "progress" | "sessions" | "vocabulary" | "full";
          file_size_bytes?: bigint | null;
          filters?: { [key: string]: Json | undefined };
          format?: "jsonl" | "csv";
          id?: string;
          row_count?: bigint | null;
          started_at?: string | null;
          status?: "pending" | "processing" | "completed" | "failed" | "expired";
          storage_bucket?: string | null;
          storage_key?: string | null;
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "export_history_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      export_object_deletions: {
        Row: {
          attempts: bigint;
          claimed_at: string | null;
          requested_at: string;
          storage_bucket: string;
          storage_key: string;
        };
        Insert: {
          attempts?: bigint;
          claimed_at?: string | null;
          requested_at?: string;
          storage_bucket: string;
          storage_key: string;
        };
        Update: {
          attempts?: bigint;
          claimed_at?: string | null;
          requested_at?: string;
          storage_bucket?: string;
          storage_key?: string;
        };
        Relationships: [];
      };
      sessions: {
        Row: {
          created_at: string;
          descriptions_count: number;
          ended_at: string | null;
          id: string;
          images_count: number;
          questions_count: number;
          started_at: string;
          user_id: string;
          vocabulary_count: number;
        };
        Insert: {
          created_at?: string;
          descriptions_count?: number;
          ended_at?: string | null;
          id?: string;
          images_count?: number;
          questions_count?: number;
          started_at: string;
          user_id: string;
          vocabulary_count?: number;
        };
        Update: {
          created_at?: string;
          descriptions_count?: number;
          ended_at?: string | null;
          id?: string;
          images_count?: number;
          questions_count?: number;
          started_at?: string;
          user_id?: string;
          vocabulary_count?: number;
        };
        Relationships: [
          {
            foreignKeyName: "sessions_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: false;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      user_api_keys: {
        Row: {
          created_at: string;
          encrypted_keys: Buffer;
          encryption_key_id: string;
          id: string;
          is_active: boolean;
          last_validated_at: string | null;
          updated_at: string;
          user_id: string;
        };
        Insert: {
          created_at?: string;
          encrypted_keys: Buffer;
          encryption_key_id: string;
          id?: string;
          is_active?: boolean;
          last_validated_at?: string | null;
          updated_at?: string;
          user_id: string;
        };
        Update: {
          created_at?: string;
          encrypted_keys?: Buffer;
          encryption_key_id?: string;
          id?: string;
          is_active?: boolean;
          last_validated_at?: string | null;
          updated_at?: string;
          user_id?: string;
        };
        Relationships: [
          {
            foreignKeyName: "user_api_keys_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: true;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      user_progress: {
        Row: {
          achievements: { [key: string]: Json | undefined };
          average_session_seconds: bigint | null;
          best_session_vocabulary: bigint;
          created_at: string;
          current_streak_days: bigint;
          descriptions_this_week: bigint;
          first_activity_at: string | null;
          id: string;
          last_activity_at: string | null;
          last_session_id: string | null;
          longest_session_seconds: bigint;
          longest_streak_days: bigint;
          preferences: { [key: string]: Json | undefined };
          sessions_this_week: bigint;
          sessions_today: bigint;
          time_this_week_seconds: bigint;
          total_descriptions: bigint;
          total_images: bigint;
          total_questions: bigint;
          total_sessions: bigint;
          total_time_seconds: bigint;
          total_vocabulary: bigint;
          updated_at: string;
          user_id: string;
          vocabulary_this_week: bigint;
        };
        Insert: {
          achievements?: { [key: string]: Json | undefined };
          average_session_seconds?: never;
          best_session_vocabulary?: bigint;
          created_at?: string;
          current_streak_days?: bigint;
          descriptions_this_week?: bigint;
          first_activity_at?: string | null;
          id?: string;
          last_activity_at?: string | null;
          last_session_id?: string | null;
          longest_session_seconds?: bigint;
          longest_streak_days?: bigint;
          preferences?: { [key: string]: Json | undefined };
          sessions_this_week?: bigint;
          sessions_today?: bigint;
          time_this_week_seconds?: bigint;
          total_descriptions?: bigint;
          total_images?: bigint;
          total_questions?: bigint;
          total_sessions?: bigint;
          total_time_seconds?: bigint;
          total_vocabulary?: bigint;
          updated_at?: string;
          user_id: string;
          vocabulary_this_week?: bigint;
        };
        Update: {
          achievements?: { [key: string]: Json | undefined };
          average_session_seconds?: never;
          best_session_vocabulary?: bigint;
          created_at?: string;
          current_streak_days?: bigint;
          descriptions_this_week?: bigint;
          first_activity_at?: string | null;
          id?: string;
          last_activity_at?: string | null;
          last_session_id?: string | null;
          longest_session_seconds?: bigint;
          longest_streak_days?: bigint;
          preferences?: { [key: string]: Json | undefined };
          sessions_this_week?: bigint;
          sessions_today?: bigint;
          time_this_week_seconds?: bigint;
          total_descriptions?: bigint;
          total_images?: bigint;
          total_questions?: bigint;
          total_sessions?: bigint;
          total_time_seconds?: bigint;
          total_vocabulary?: bigint;
          updated_at?: string;
          user_id?: string;
          vocabulary_this_week?: bigint;
        };
        Relationships: [
          {
            foreignKeyName: "user_progress_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: true;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      users: {
        Row: {
          created_at: string;
          email: string;
          id: string;
          updated_at: string;
        };
        Insert: {
          created_at?: string;
          email: string;
          id?: string;
          updated_at?: string;
        };
        Update: {
          created_at?: string;
          email?: string;
          id?: string;
          updated_at?: string;
        };
        Relationships: [];
      };
    };
    Views: {
      activity_by_day: {
        Row: {
          day: string | null;
          seconds: string | null;
          sessions: bigint | null;
          users: bigint | null;
          vocabulary: string | null;
        };
        Relationships: [];
      };
      activity_by_week: {
        Row: {
          seconds: string | null;
          sessions: bigint | null;
          users: bigint | null;
          vocabulary: string | null;
          week: string | null;
        };
        Relationships: [];
      };
      progress_trends: {
        Row: {
          active_days: bigint | null;
          active_days_share: string | null;
          days_since_last_activity: number | null;
          seconds_change: string | null;
          seconds_last_week: string | null;
          seconds_this_week: string | null;
          sessions_change: bigint | null;
          sessions_last_week: bigint | null;
          sessions_this_week: bigint | null;
          today: string | null;
          user_id: string | null;
          vocabulary_change: bigint | null;
          vocabulary_last_week: bigint | null;
          vocabulary_this_week: bigint | null;
        };
        Relationships: [
          {
            foreignKeyName: "user_progress_user_id_fkey";
            columns: ["user_id"];
            isOneToOne: true;
            referencedRelation: "users";
            referencedColumns: ["id"];
          },
        ];
      };
      retention_by_cohort: {
        Row: {
          cohort: string | null;
          cohort_users: bigint | null;
          share: string | null;
          users: bigint | null;
          weeks_later: number | null;
        };
        Relationships: [];
      };
      vocabulary_growth: {
        Row: {
          total_vocabulary: string | null;
          users: bigint | null;
          vocabulary: string | null;
          vocabulary_per_user: string | null;
          week: string | null;
        };
        Relationships: [];
      };
    };
    Functions: {
      archive_exports: { Args: { most?: number; older_than?: string }; Returns: bigint };
      claim_export_object_deletions: {
        Args: { most?: number };
        Returns: {
          storage_bucket: string;
          storage_key: string;
        }[];
      };
      delete_archived_exports: { Args: { most?: number; older_than?: string }; Returns: bigint };
      expire_exports: { Args: { most?: number }; Returns: bigint };
      fail_stalled_exports: { Args: { most?: number }; Returns: bigint };
      queue_unnamed_export_objects: { Args: { bucket: string; keys: string[] }; Returns: bigint };
      refresh_progress_analytics: { Args: Record<PropertyKey, never>; Returns: boolean };
      smallest_reported_group: { Args: Record<PropertyKey, never>; Returns: bigint };
      users_after: { Args: { last_id: string; most?: number }; Returns: string[] };
    };
    Enums: {
      [_ in never]: never;
    };
    CompositeTypes: {
      [_ in never]: never;
    };
  };
};

type DatabaseWithoutInternals = Omit<Database, "__InternalSupabase">;

type DefaultSchema = DatabaseWithoutInternals[Extract<keyof Database, "public">];

export type Tables<
  DefaultSchemaTableNameOrOptions extends
    | keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
        DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? (DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"] &
      DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Views"])[TableName] extends {
      Row: infer R;
    }
    ? R
    : never
  : DefaultSchemaTableNameOrOptions extends keyof (DefaultSchema["Tables"] & DefaultSchema["Views"])
    ? (DefaultSchema["Tables"] & DefaultSchema["Views"])[DefaultSchemaTableNameOrOptions] extends {
        Row: infer R;
      }
      ? R
      : never
    : never;

export type TablesInsert<
  DefaultSchemaTableNameOrOptions extends
    keyof DefaultSchema["Tables"] | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Insert: infer I;
    }
    ? I
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Insert: infer I;
      }
      ? I
      : never
    : never;

export type TablesUpdate<
  DefaultSchemaTableNameOrOptions extends
    keyof DefaultSchema["Tables"] | { schema: keyof DatabaseWithoutInternals },
  TableName extends (DefaultSchemaTableNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"]
    : never) = never,
> = DefaultSchemaTableNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaTableNameOrOptions["schema"]]["Tables"][TableName] extends {
      Update: infer U;
    }
    ? U
    : never
  : DefaultSchemaTableNameOrOptions extends keyof DefaultSchema["Tables"]
    ? DefaultSchema["Tables"][DefaultSchemaTableNameOrOptions] extends {
        Update: infer U;
      }
      ? U
      : never
    : never;

export type Enums<
  DefaultSchemaEnumNameOrOptions extends
    keyof DefaultSchema["Enums"] | { schema: keyof DatabaseWithoutInternals },
  EnumName extends (DefaultSchemaEnumNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"]
    : never) = never,
> = DefaultSchemaEnumNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[DefaultSchemaEnumNameOrOptions["schema"]]["Enums"][EnumName]
  : DefaultSchemaEnumNameOrOptions extends keyof DefaultSchema["Enums"]
    ? DefaultSchema["Enums"][DefaultSchemaEnumNameOrOptions]
    : never;

export type CompositeTypes<
  PublicCompositeTypeNameOrOptions extends
    keyof DefaultSchema["CompositeTypes"] | { schema: keyof DatabaseWithoutInternals },
  CompositeTypeName extends (PublicCompositeTypeNameOrOptions extends {
    schema: keyof DatabaseWithoutInternals;
  }
    ? keyof DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"]
    : never) = never,
> = PublicCompositeTypeNameOrOptions extends { schema: keyof DatabaseWithoutInternals }
  ? DatabaseWithoutInternals[PublicCompositeTypeNameOrOptions["schema"]]["CompositeTypes"][CompositeTypeName]
  : PublicCompositeTypeNameOrOptions extends keyof DefaultSchema["CompositeTypes"]
    ? DefaultSchema["CompositeTypes"][PublicCompositeTypeNameOrOptions]
    : never;

export const Constants = {
  auth: {
    Enums: {},
  },
  monitoring: {
    Enums: {},
  },
  public: {
    Enums: {},
  },
} as const;

/** What each role may read and write by grant; on which rows, row level security decides. */
export type Grants = {
  authenticated: {
    public: {
      export_archive: {
        Select:
          | "id"
          | "user_id"
          | "export_type"
          | "format"
          | "status"
          | "file_size_bytes"
          | "row_count"
          | "checksum_sha256"
          | "filters"
          | "error_message"
          | "started_at"
          | "completed_at"
          | "expires_at"
          | "download_count"
          | "created_at"
          | "updated_at"
          | "archived_at";
        Insert: never;
        Update: never;
        Delete: false;
      };
      export_history: {
        Select:
          | "id"
          | "user_id"
          | "export_type"
          | "format"
          | "status"
          | "storage_bucket"
          | "storage_key"
          | "file_size_bytes"
          | "row_count"
          | "checksum_sha256"
          | "filters"
          | "error_message"
          | "started_at"
          | "completed_at"
          | "expires_at"
          | "download_count"
          | "created_at"
          | "updated_at";
        Insert: "user_id" | "export_type" | "format" | "filters";
        Update: "filters";
        Delete: false;
      };
      progress_trends: {
        Select:
          | "user_id"
          | "today"
          | "days_since_last_activity"
          | "sessions_this_week"
          | "sessions_last_week"
          | "sessions_change"
          | "vocabulary_this_week"
          | "vocabulary_last_week"
          | "vocabulary_change"
          | "seconds_this_week"
          | "seconds_last_week"
          | "seconds_change"
          | "active_days"
          | "active_days_share";
        Insert: never;
        Update: never;
        Delete: false;
      };
      sessions: {
        Select:
          | "id"
          | "user_id"
          | "started_at"
          | "ended_at"
          | "descriptions_count"
          | "images_count"
          | "questions_count"
          | "vocabulary_count"
          | "created_at";
        Insert: "id" | "user_id" | "started_at";
        Update:
          | "ended_at"
          | "descriptions_count"
          | "images_count"
          | "questions_count"
          | "vocabulary_count";
        Delete: false;
      };
      user_api_keys: {
        Select:
          | "id"
          | "user_id"
          | "encrypted_keys"
          | "encryption_key_id"
          | "is_active"
          | "last_validated_at"
          | "created_at"
          | "updated_at";
        Insert:
          "user_id" | "encrypted_keys" | "encryption_key_id" | "is_active" | "last_validated_at";
        Update: "encrypted_keys" | "encryption_key_id" | "is_active" | "last_validated_at";
        Delete: true;
      };
      user_progress: {
        Select:
          | "id"
          | "user_id"
          | "total_sessions"
          | "total_descriptions"
          | "total_images"
          | "total_questions"
          | "total_vocabulary"
          | "total_time_seconds"
          | "sessions_today"
          | "sessions_this_week"
          | "descriptions_this_week"
          | "vocabulary_this_week"
          | "time_this_week_seconds"
          | "current_streak_days"
          | "longest_streak_days"
          | "best_session_vocabulary"
          | "longest_session_seconds"
          | "average_session_seconds"
          | "last_session_id"
          | "first_activity_at"
          | "last_activity_at"
          | "achievements"
          | "preferences"
          | "created_at"
          | "updated_at";
        Insert: "user_id" | "preferences";
        Update: "preferences";
        Delete: false;
      };
      users: {
        Select: "id" | "email" | "created_at" | "updated_at";
        Insert: "id" | "email";
        Update: never;
        Delete: true;
      };
    };
  };
  monitor: {
    monitoring: {
      changed_protection: {
        Select: "object" | "change";
        Insert: never;
        Update: never;
        Delete: false;
      };
      indexes: {
        Select:
          | "schema"
          | "table_name"
          | "name"
          | "bytes"
          | "bytes_per_entry"
          | "scans"
          | "entries_read"
          | "scanned_at"
          | "is_unique"
          | "is_valid";
        Insert: never;
        Update: never;
        Delete: false;
      };
      notes: { Select: "figure" | "note"; Insert: never; Update: never; Delete: false };
      statements: {
        Select:
          | "role"
          | "statement"
          | "calls"
          | "rows"
          | "total_ms"
          | "mean_ms"
          | "longest_ms"
          | "blocks_cached"
          | "blocks_read";
        Insert: never;
        Update: never;
        Delete: false;
      };
      tables: {
        Select:
          | "schema"
          | "name"
          | "live_rows"
          | "dead_rows"
          | "dead_share"
          | "heap_bytes"
          | "index_bytes"
          | "total_bytes"
          | "dead_bytes"
          | "heap_bytes_per_row"
          | "sequential_scans"
          | "sequential_rows"
          | "index_scans"
          | "inserted"
          | "updated"
          | "deleted"
          | "vacuumed_at"
          | "analyzed_at"
          | "transaction_age";
        Insert: never;
        Update: never;
        Delete: false;
      };
      tables_without_row_security: {
        Select: "schema" | "name" | "enabled" | "forced";
        Insert: never;
        Update: never;
        Delete: false;
      };
      transaction_ids: {
        Select: "holder" | "name" | "transactions" | "share_of_limit";
        Insert: never;
        Update: never;
        Delete: false;
      };
      triggers: {
        Select:
          | "schema"
          | "table_name"
          | "name"
          | "function"
          | "is_enabled"
          | "calls"
          | "total_ms"
          | "self_ms"
          | "mean_ms";
        Insert: never;
        Update: never;
        Delete: false;
      };
      waiting_locks: {
        Select: "pid" | "role" | "waits_for" | "relation" | "waiting_ms" | "blocked_by";
        Insert: never;
        Update: never;
        Delete: false;
      };
    };
  };
  service_role: {
    public: {
      activity_by_day: {
        Select: "day" | "users" | "sessions" | "seconds" | "vocabulary";
        Insert: never;
        Update: never;
        Delete: false;
      };
      activity_by_week: {
        Select: "week" | "users" | "sessions" | "seconds" | "vocabulary";
        Insert: never;
        Update: never;
        Delete: false;
      };
      export_archive: {
        Select:
          | "id"
          | "user_id"
          | "export_type"
          | "format"
          | "status"
          | "file_size_bytes"
          | "row_count"
          | "checksum_sha256"
          | "filters"
          | "error_message"
          | "started_at"
          | "completed_at"
          | "expires_at"
          | "download_count"
          | "created_at"
          | "updated_at"
          | "archived_at";
        Insert:
          | "id"
          | "user_id"
          | "export_type"
          | "format"
          | "status"
          | "file_size_bytes"
          | "row_count"
          | "checksum_sha256"
          | "filters"
          | "error_message"
          | "started_at"
          | "completed_at"
          | "expires_at"
          | "download_count"
          | "created_at"
          | "updated_at";
        Update: "archived_at";
        Delete: true;
      };
      export_history: {
        Select:
          | "id"
          | "user_id"
          | "export_type"
          | "format"
          | "status"
          | "storage_bucket"
          | "storage_key"
          | "file_size_bytes"
          | "row_count"
          | "checksum_sha256"
          | "filters"
          | "error_message"
          | "started_at"
          | "completed_at"
          | "expires_at"
          | "download_count"
          | "created_at"
          | "updated_at";
        Insert: "user_id" | "export_type" | "format" | "filters";
        Update:
          | "status"
          | "storage_bucket"
          | "storage_key"
          | "file_size_bytes"
          | "row_count"
          | "checksum_sha256"
          | "error_message"
          | "started_at"
          | "completed_at"
          | "expires_at"
          | "download_count";
        Delete: true;
      };
      export_object_deletions: {
        Select: "storage_bucket" | "storage_key" | "requested_at" | "claimed_at" | "attempts";
        Insert: "storage_bucket" | "storage_key";
        Update: "claimed_at" | "attempts";
        Delete: true;
      };
      retention_by_cohort: {
        Select: "cohort" | "weeks_later" | "cohort_users" | "users" | "share";
        Insert: never;
        Update: never;
        Delete: false;
      };
      user_progress: {
        Select:
          | "id"
          | "user_id"
          | "total_sessions"
          | "total_descriptions"
          | "total_images"
          | "total_questions"
          | "total_vocabulary"
          | "total_time_seconds"
          | "sessions_today"
          | "sessions_this_week"
          | "descriptions_this_week"
          | "vocabulary_this_week"
          | "time_this_week_seconds"
          | "current_streak_days"
          | "longest_streak_days"
          | "best_session_vocabulary"
          | "longest_session_seconds"
          | "average_session_seconds"
          | "last_session_id"
          | "first_activity_at"
          | "last_activity_at"
          | "achievements"
          | "preferences"
          | "created_at"
          | "updated_at";
        Insert: "user_id";
        Update: "achievements";
        Delete: false;
      };
      vocabulary_growth: {
        Select: "week" | "users" | "vocabulary" | "vocabulary_per_user" | "total_vocabulary";
        Insert: never;
        Update: never;
        Delete: false;
      };
    };
  };
};
