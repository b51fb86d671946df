import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('typeorm_orders')
export class Order {
  @PrimaryColumn('int')
  id: number;

  @Column('int', { default: 0 })
  payments: number;
}
